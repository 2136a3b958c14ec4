# The benchmarks of tests/bench: built only when asked for, by the target `bench`.
set(bench_dir ${CMAKE_SOURCE_DIR}/tests/bench)
add_custom_target(bench)

# Preloaded into what is measured.
foreach(name first_line slow_flush)
  add_library(bench_${name} MODULE EXCLUDE_FROM_ALL ${bench_dir}/${name}.c)
  set_target_properties(bench_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    C_VISIBILITY_PRESET default LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  target_link_libraries(bench_${name} PRIVATE ${CMAKE_DL_LIBS})
  add_dependencies(bench bench_${name})
endforeach()
target_include_directories(bench_first_line PRIVATE ${lua54_INCLUDE_DIRS})

file(GLOB kejue_bench CONFIGURE_DEPENDS ${bench_dir}/*.c)
list(FILTER kejue_bench EXCLUDE REGEX "(_bench|slow_flush)\\.c$")
kj_program(kejue-bench NOINSTALL ROOM app SOURCES ${bench_dir}/kejue_bench.c ${kejue_bench}
  LINK ${NNG_LIBRARY} PkgConfig::libuv ${CMAKE_DL_LIBS} ${KEJUE_ALLOCATOR})

# NAME_bench.c is a program by itself.
file(GLOB single_benches CONFIGURE_DEPENDS ${bench_dir}/*_bench.c)
list(FILTER single_benches EXCLUDE REGEX "/kejue_bench\\.c$")
set(bench_programs kejue-bench)
foreach(source ${single_benches})
  get_filename_component(name ${source} NAME_WE)
  if(NOT TARGET ${name}) # some need more than this
    kj_program(${name} NOINSTALL ROOM app SOURCES ${source})
  endif()
  list(APPEND bench_programs ${name})
endforeach()
set_target_properties(${bench_programs} PROPERTIES EXCLUDE_FROM_ALL ON)
add_dependencies(bench ${bench_programs} kejued)

# That it does not rot: every step once, with few jobs. Of a build with sanitizers it would say
# nothing, and their run time does not stand behind a preloaded library.
if(BUILD_TESTING AND NOT KEJUE_SANITIZE AND NOT KEJUE_FUZZ)
  add_test(NAME bench_build COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target bench)
  set_tests_properties(bench_build PROPERTIES FIXTURES_SETUP bench TIMEOUT 600)
  add_test(NAME bench_quick COMMAND kejue-bench --quick --sustain 2
           ${CMAKE_BINARY_DIR} inproc bus http limits big hostile)
  set_tests_properties(bench_quick PROPERTIES FIXTURES_REQUIRED bench TIMEOUT 120)
endif()
