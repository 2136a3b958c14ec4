# The programs. kj_program(NAME ROOM app SOURCES …): links what ROOM sees; not installed with NOINSTALL.
function(kj_program name)
  cmake_parse_arguments(P "NOINSTALL" "ROOM" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  target_include_directories(${name} PRIVATE ${KEJUE_ROOMS}/${P_ROOM})
  target_link_libraries(${name} PRIVATE kj_${P_ROOM} ${P_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
  if(NOT P_NOINSTALL)
    install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endfunction()

if(TARGET kj_app)
  kj_program(kejued ROOM app SOURCES core/app/kejued.c LINK ${KEJUE_ALLOCATOR})
endif()

# The vendors' stand-in of the tests and the demo.
if(TARGET kj_doc)
  file(GLOB stand_in CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/peers/stand-in/*.c)
  kj_program(kejue-stand-in NOINSTALL ROOM doc SOURCES ${stand_in}
    LINK PkgConfig::libmicrohttpd PkgConfig::libcurl PkgConfig::libcrypto)
endif()

# Judges documents by a JSON Schema, for people.
if(TARGET kj_doc)
  kj_program(kejue-schema ROOM doc SOURCES tools/kejue-schema/kejue_schema.c)
endif()

# Checks and tries out one plugin.
if(TARGET kj_host)
  file(GLOB plugin_tool CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/kejue-plugin/*.c)
  kj_program(kejue-plugin ROOM host SOURCES ${plugin_tool})
endif()

# Tests, checks and lists rule packs and hooks; the shipped ones are tested with it. A replay asks
# the daemon, by the same means as kejuectl.
if(TARGET kj_script)
  file(GLOB rules_tool CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/kejue-rules/*.c)
  foreach(shared ask progress say surroundings)
    list(APPEND rules_tool ${CMAKE_SOURCE_DIR}/tools/kejuectl/${shared}.c)
  endforeach()
  kj_program(kejue-rules ROOM script SOURCES ${rules_tool} LINK ${NNG_LIBRARY} PkgConfig::libedit)
  target_include_directories(kejue-rules PRIVATE ${CMAKE_SOURCE_DIR}/tools/kejuectl)
  if(BUILD_TESTING)
    add_test(NAME rules_test COMMAND kejue-rules test ${CMAKE_SOURCE_DIR}/scripts)
    set_tests_properties(rules_test PROPERTIES LABELS "script" TIMEOUT 60)
  endif()
endif()

# The daemon's commands from a shell. Of model it needs the names of columns only, and none of the
# library behind it.
if(TARGET kj_model)
  file(GLOB ctl CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/kejuectl/*.c)
  kj_program(kejuectl ROOM model SOURCES ${ctl} LINK ${NNG_LIBRARY})
  target_link_options(kejuectl PRIVATE -Wl,--as-needed)
endif()
install(FILES tools/kejuectl/kejuectl.1 tools/kejue-schema/kejue-schema.1
  tools/kejue-rules/kejue-rules.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES tools/kejued.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)

# A daemon started from the build tree finds the rules beside it, an installed one in share/kejue.
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/scripts ${CMAKE_BINARY_DIR}/scripts SYMBOLIC)
install(DIRECTORY scripts DESTINATION ${CMAKE_INSTALL_DATADIR}/kejue)
install(FILES kejue.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/kejue)
