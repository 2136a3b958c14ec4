# Tests. A unit test is tests/unit/ROOM/NAME_test.c, linked with kj_ROOM and cmocka; contract suites
# and fuzzers are named one by one.
find_library(CMOCKA_LIBRARY cmocka REQUIRED)

# Runs a program with a MongoDB beside it.
set(with_mongo python3 ${CMAKE_SOURCE_DIR}/tests/peers/mongo_peer.py)

# kj_test(NAME SOURCES … ROOM engine): sees what ROOM sees; UNDER a command that starts it.
function(kj_test name)
  cmake_parse_arguments(T "" "ROOM;LABEL" "SOURCES;LINK;UNDER" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${KEJUE_ROOMS}/${T_ROOM} ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE KEJUE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    KEJUE_BUILD_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE kj_${T_ROOM} ${T_LINK} ${CMOCKA_LIBRARY})
  add_test(NAME ${name} COMMAND ${T_UNDER} $<TARGET_FILE:${name}>)
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABEL}" TIMEOUT 120)
endfunction()

file(GLOB unit_tests RELATIVE ${CMAKE_SOURCE_DIR}/tests/unit CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/tests/unit/*/*_test.c)
list(FILTER unit_tests EXCLUDE REGEX "_world_test\\.c$") # see below
foreach(test ${unit_tests})
  get_filename_component(room ${test} DIRECTORY)
  get_filename_component(base ${test} NAME_WE)
  set(under)
  if(base MATCHES "^mongo_outage")
    set(under UNDER ${with_mongo} --proxy 1)
  elseif(base MATCHES "^mongo_")
    set(under UNDER ${with_mongo})
  endif()
  if(TARGET kj_${room})
    kj_test(unit_${room}_${base} SOURCES tests/unit/${test} ROOM ${room} LABEL unit ${under})
  endif()
endforeach()

foreach(long unit_script_hostile_test unit_script_hostile_random_test)
  if(TARGET ${long}) # with KEJUE_TEST_LONG, and under the sanitizers
    set_tests_properties(${long} PROPERTIES TIMEOUT 1800)
  endif()
endforeach()

if(TARGET unit_face_bus_test) # nng as the peer
  target_link_libraries(unit_face_bus_test PRIVATE ${NNG_LIBRARY})
endif()

# tests/unit/engine/NAME_world_test.c: the engine's own sources, with fakes (fake_*.c beside them) in
# the place of the host and the scripts; loop, store and model are the real ones.
file(GLOB world_tests RELATIVE ${CMAKE_SOURCE_DIR}/tests/unit/engine CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/tests/unit/engine/*_world_test.c)
if(world_tests AND TARGET kj_store AND TARGET kj_model)
  file(GLOB_RECURSE engine_sources CONFIGURE_DEPENDS core/engine/*.c)
  file(GLOB fakes CONFIGURE_DEPENDS tests/unit/engine/fake_*.c)
  add_library(engine_alone OBJECT ${engine_sources})
  target_include_directories(engine_alone PUBLIC ${KEJUE_ROOMS}/engine)
  target_link_libraries(engine_alone PUBLIC kj_store kj_model)
  add_library(engine_world STATIC $<TARGET_OBJECTS:engine_alone> ${fakes})
  target_include_directories(engine_world PUBLIC ${KEJUE_ROOMS}/engine)
  target_link_libraries(engine_world PUBLIC kj_store kj_model ${CMOCKA_LIBRARY})
  foreach(test ${world_tests})
    get_filename_component(base ${test} NAME_WE)
    add_executable(unit_engine_${base} tests/unit/engine/${test})
    target_link_libraries(unit_engine_${base} PRIVATE engine_world)
    add_test(NAME unit_engine_${base} COMMAND unit_engine_${base})
    set_tests_properties(unit_engine_${base} PROPERTIES LABELS unit TIMEOUT 120)
  endforeach()

  # The simulation: the same sources, several hosts of them, with a carrier and rules of its own.
  file(GLOB sim_sources CONFIGURE_DEPENDS tests/sim/*.c)
  add_executable(kejue-sim $<TARGET_OBJECTS:engine_alone> ${sim_sources})
  target_include_directories(kejue-sim PRIVATE ${KEJUE_ROOMS}/engine)
  target_link_libraries(kejue-sim PRIVATE kj_store kj_model)
  add_test(NAME sim_few COMMAND kejue-sim 200 --jobs 1) # also under the sanitizers
  set_tests_properties(sim_few PROPERTIES LABELS unit TIMEOUT 300)
  add_test(NAME sim_seeds COMMAND kejue-sim 5000 --jobs 2)
  set_tests_properties(sim_seeds PROPERTIES LABELS sim TIMEOUT 600 PROCESSORS 2)
  add_test(NAME sim_races COMMAND kejue-sim --races 8000 --jobs 1)
  add_test(NAME sim_races_breach COMMAND kejue-sim --races 1600 --jobs 1 --break no-versions)
  set_tests_properties(sim_races sim_races_breach PROPERTIES LABELS sim TIMEOUT 300)
  # Broken on purpose, each in its own way: it must be noticed within so many seeds.
  foreach(breach no-permit:50 no-last-look:100 redial:50 no-versions:3000 no-lines:100)
    string(REPLACE ":" ";" breach ${breach})
    list(GET breach 0 name)
    list(GET breach 1 seeds)
    add_test(NAME sim_breach_${name} COMMAND kejue-sim ${seeds} --jobs 1 --break ${name})
    set_tests_properties(sim_breach_${name} PROPERTIES LABELS sim TIMEOUT 120)
  endforeach()
endif()

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

# The store's again in memory, on MongoDB, and where the network to that is bad.
if(TARGET contract_store_contract)
  add_test(NAME contract_store_memory COMMAND contract_store_contract memory*)
  set_tests_properties(contract_store_memory PROPERTIES LABELS contract TIMEOUT 120)
  add_test(NAME contract_store_mongo
           COMMAND ${with_mongo} $<TARGET_FILE:contract_store_contract> mongodb*)
  add_test(NAME contract_store_mongo_faults
           COMMAND ${with_mongo} --proxy 1 $<TARGET_FILE:contract_store_contract> mongodb:*)
  set_tests_properties(contract_store_mongo contract_store_mongo_faults PROPERTIES
    LABELS contract TIMEOUT 300)
endif()

# Fuzzers: tests/fuzz/ROOM_NAME_fuzz.c with a corpus in tests/fuzz/corpus/ROOM_NAME/. Under the fuzz
# preset they are libFuzzer programs; elsewhere the corpus is replayed as a plain test. Where the
# first word is no room it is the beginning of a plugin's folder, whose sources are built in.
file(GLOB fuzzers RELATIVE ${CMAKE_SOURCE_DIR}/tests/fuzz CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/tests/fuzz/*_fuzz.c)
if(KEJUE_FUZZ)
  add_custom_target(fuzzers) # all of them
endif()
foreach(fuzzer ${fuzzers})
  string(REGEX REPLACE "_fuzz\\.c$" "" base ${fuzzer})
  string(REGEX REPLACE "_.*" "" room ${base})
  file(GLOB folder RELATIVE ${CMAKE_SOURCE_DIR}/plugins ${CMAKE_SOURCE_DIR}/plugins/${room}*)
  set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${base})
  set(sources tests/fuzz/${fuzzer})
  if(TARGET kj_${room})
    set(seen ${KEJUE_ROOMS}/${room})
    set(links kj_${room})
  elseif(TARGET plugin_${folder})
    set(seen ${plugin_root} ${CMAKE_SOURCE_DIR}/plugins/${folder})
    get_target_property(links plugin_${folder} LINK_LIBRARIES)
    get_target_property(plugin_sources plugin_${folder} SOURCES)
    list(APPEND sources ${plugin_sources})
  else()
    continue()
  endif()
  if(KEJUE_FUZZ)
    add_executable(fuzz_${base} ${sources})
    target_link_options(fuzz_${base} PRIVATE -fsanitize=fuzzer)
    target_compile_options(fuzz_${base} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers fuzz_${base})
  else()
    add_executable(fuzz_${base} ${sources} tests/fuzz/replay.c)
    add_test(NAME fuzz_${base} COMMAND fuzz_${base} ${corpus})
    set_tests_properties(fuzz_${base} PROPERTIES LABELS fuzz TIMEOUT 120)
  endif()
  target_include_directories(fuzz_${base} PRIVATE ${seen} ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(fuzz_${base} PRIVATE KEJUE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    KEJUE_BUILD_DIR="${CMAKE_BINARY_DIR}")
  if(links)
    target_link_libraries(fuzz_${base} PRIVATE ${links})
  endif()
endforeach()

# kj_plugin_test(NAME PLUGIN folder SOURCES …): the plugin's own sources on the fake host. Picked up
# by itself: tests/unit/plugins/PLUGIN/NAME_test.c becomes unit_plugin_PLUGIN_NAME_test.
function(kj_plugin_test name)
  cmake_parse_arguments(T "" "PLUGIN" "SOURCES;LINK" ${ARGN})
  if(NOT TARGET plugin_${T_PLUGIN} OR NOT TARGET kj_doc)
    return()
  endif()
  get_target_property(plugin_sources plugin_${T_PLUGIN} SOURCES)
  get_target_property(plugin_links plugin_${T_PLUGIN} LINK_LIBRARIES)
  if(NOT plugin_links)
    set(plugin_links "")
  endif()
  file(GLOB fake CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/peers/fake_host*.c)
  add_executable(${name} ${T_SOURCES} ${plugin_sources} ${fake})
  target_include_directories(${name} PRIVATE ${plugin_root} ${KEJUE_ROOMS}/doc
    ${CMAKE_SOURCE_DIR}/plugins/${T_PLUGIN} ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE KEJUE_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
    KEJUE_BUILD_DIR="${CMAKE_BINARY_DIR}")
  target_link_libraries(${name} PRIVATE kj_doc PkgConfig::libcrypto ${plugin_links} ${T_LINK}
    ${CMOCKA_LIBRARY})
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

file(GLOB plugin_tests RELATIVE ${CMAKE_SOURCE_DIR}/tests/unit/plugins CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/tests/unit/plugins/*/*_test.c)
foreach(test ${plugin_tests})
  get_filename_component(plugin ${test} DIRECTORY)
  get_filename_component(base ${test} NAME_WE)
  kj_plugin_test(unit_plugin_${plugin}_${base} PLUGIN ${plugin}
    SOURCES ${CMAKE_SOURCE_DIR}/tests/unit/plugins/${test})
endforeach()

# The plugins that the host's contract suite loads: one misbehaving or curious .so per file.
file(GLOB contract_plugins CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/contract/plugins/*.c)
foreach(file ${contract_plugins})
  get_filename_component(base ${file} NAME_WE)
  add_library(contract_plugin_${base} MODULE ${file})
  target_include_directories(contract_plugin_${base} PRIVATE ${plugin_root})
  set_target_properties(contract_plugin_${base} PROPERTIES PREFIX "" OUTPUT_NAME ${base}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/contract-plugins)
  if(TARGET contract_host_contract)
    add_dependencies(contract_host_contract contract_plugin_${base})
  endif()
endforeach()
# It also checks every real plugin that this build made.
foreach(plugin telephony whatsapp llm crm-connectors email-trigger sample)
  if(TARGET contract_host_contract AND TARGET plugin_${plugin})
    add_dependencies(contract_host_contract plugin_${plugin})
  endif()
endforeach()

if(TARGET contract_host_vendors_contract)
  add_dependencies(contract_host_vendors_contract kejue-stand-in plugin_whatsapp plugin_llm
    plugin_crm-connectors plugin_email-trigger)
endif()

if(TARGET kejue-stand-in)
  add_test(NAME peer_stand_in COMMAND python3 ${CMAKE_SOURCE_DIR}/tests/peers/stand_in_test.py
           $<TARGET_FILE:kejue-stand-in>)
  set_tests_properties(peer_stand_in PROPERTIES LABELS unit TIMEOUT 120)
endif()

# House rules.
foreach(rule floor sizes format layout)
  add_test(NAME check_${rule} COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/check/check.py ${rule}
           ${CMAKE_SOURCE_DIR})
  set_tests_properties(check_${rule} PROPERTIES LABELS check)
endforeach()
# And each is tried out by the tool that its author has; NAME.json beside the odd plugins configures
# those for which none can be made from the schema.
foreach(plugin telephony whatsapp llm crm-connectors http sample)
  if(TARGET kejue-plugin AND TARGET plugin_${plugin})
    set(config ${CMAKE_SOURCE_DIR}/tests/contract/plugins/${plugin}.json)
    if(EXISTS ${config})
      set(config --config ${config})
    else()
      set(config)
    endif()
    add_test(NAME trial_${plugin}
             COMMAND kejue-plugin test --money $<TARGET_FILE:plugin_${plugin}> ${config})
    set_tests_properties(trial_${plugin} PROPERTIES LABELS contract TIMEOUT 120)
  endif()
endforeach()
foreach(odd major minor short faulty rogue) # faults must be found
  if(TARGET kejue-plugin)
    add_test(NAME trial_${odd} COMMAND kejue-plugin test $<TARGET_FILE:contract_plugin_${odd}>)
    set_tests_properties(trial_${odd} PROPERTIES LABELS contract TIMEOUT 120
      PASS_REGULAR_EXPRESSION "FAULT.*fault\\(s\\)" FAIL_REGULAR_EXPRESSION "Sanitizer")
  endif()
endforeach()

# A disk that fails, for tests/flow/test_outage.py.
add_library(bad-disk MODULE tests/peers/bad_disk.c)
set_target_properties(bad-disk PROPERTIES PREFIX "" C_VISIBILITY_PRESET default)

# Flow tests: tests/flow/test_*.py drive the programs of this build through their doors.
file(GLOB flow_tests RELATIVE ${CMAKE_SOURCE_DIR}/tests/flow CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/tests/flow/test_*.py)
foreach(test ${flow_tests})
  get_filename_component(base ${test} NAME_WE)
  add_test(NAME flow_${base} COMMAND python3 -m unittest ${base}
           WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/flow)
  set_tests_properties(flow_${base} PROPERTIES LABELS flow TIMEOUT 900
    ENVIRONMENT "KEJUE_BUILD_DIR=${CMAKE_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1")
endforeach()
# With KEJUE_TEST_LONG=1 these take their time: see tests/README.md.
set_tests_properties(flow_test_kill flow_test_outage PROPERTIES TIMEOUT 2400)
