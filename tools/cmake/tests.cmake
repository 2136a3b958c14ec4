# Tests. A unit test is tests/unit/ROOM/NAME_test.c, linked with kj_ROOM and cmocka; contract suites
# and fuzzers are named one by one.
find_library(CMOCKA_LIBRARY cmocka REQUIRED)

# kj_test(NAME SOURCES … ROOM engine): sees what ROOM sees.
function(kj_test name)
  cmake_parse_arguments(T "" "ROOM;LABEL" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${KEJUE_ROOMS}/${T_ROOM} ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE KEJUE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    KEJUE_BUILD_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE kj_${T_ROOM} ${T_LINK} ${CMOCKA_LIBRARY})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABEL}" TIMEOUT 120)
endfunction()

file(GLOB unit_tests RELATIVE ${CMAKE_SOURCE_DIR}/tests/unit CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/tests/unit/*/*_test.c)
foreach(test ${unit_tests})
  get_filename_component(room ${test} DIRECTORY)
  get_filename_component(base ${test} NAME_WE)
  if(TARGET kj_${room})
    kj_test(unit_${room}_${base} SOURCES tests/unit/${test} ROOM ${room} LABEL unit)
  endif()
endforeach()

# Contract suites: tests/contract/ROOM_*_contract.c runs against every implementation in ROOM.
file(GLOB contract_tests RELATIVE ${CMAKE_SOURCE_DIR}/tests/contract CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/tests/contract/*_contract.c)
foreach(test ${contract_tests})
  get_filename_component(base ${test} NAME_WE)
  string(REGEX REPLACE "_.*" "" room ${base})
  if(TARGET kj_${room})
    kj_test(contract_${base} SOURCES tests/contract/${test} ROOM ${room} LABEL contract)
  endif()
endforeach()

# Fuzzers: tests/fuzz/ROOM_NAME_fuzz.c with a corpus in tests/fuzz/corpus/ROOM_NAME/. Under the fuzz
# preset they are libFuzzer programs; elsewhere the corpus is replayed as a plain test.
file(GLOB fuzzers RELATIVE ${CMAKE_SOURCE_DIR}/tests/fuzz CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.c)
foreach(fuzzer ${fuzzers})
  string(REGEX REPLACE "_fuzz\\.c$" "" base ${fuzzer})
  string(REGEX REPLACE "_.*" "" room ${base})
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${base})
  if(TARGET kj_${room})
    if(KEJUE_FUZZ)
      add_executable(fuzz_${base} tests/fuzz/${fuzzer})
      target_link_options(fuzz_${base} PRIVATE -fsanitize=fuzzer)
      target_compile_options(fuzz_${base} PRIVATE -fsanitize=fuzzer)
    else()
      add_executable(fuzz_${base} tests/fuzz/${fuzzer} tests/fuzz/replay.c)
      add_test(NAME fuzz_${base} COMMAND fuzz_${base} ${corpus})
      set_tests_properties(fuzz_${base} PROPERTIES LABELS fuzz TIMEOUT 120)
    endif()
    target_include_directories(fuzz_${base} PRIVATE ${KEJUE_ROOMS}/${room} ${CMAKE_SOURCE_DIR}/tests)
    target_compile_definitions(fuzz_${base} PRIVATE KEJUE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
      KEJUE_BUILD_DIR="${CMAKE_BINARY_DIR}")
    target_link_libraries(fuzz_${base} PRIVATE kj_${room})
  endif()
endforeach()
