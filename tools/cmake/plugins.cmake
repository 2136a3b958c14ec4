# One shared object per folder of plugins/. A plugin sees only kejue_plugin.h.
set(plugin_root ${KEJUE_ROOMS}/plugin)
file(MAKE_DIRECTORY ${plugin_root})
file(CREATE_LINK ${CMAKE_SOURCE_DIR}/core/abi/kejue_plugin.h ${plugin_root}/kejue_plugin.h SYMBOLIC)

function(kj_plugin name)
  cmake_parse_arguments(P "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/plugins/${name}/*.c)
  if(NOT sources)
    return()
  endif()
  add_library(plugin_${name} MODULE ${sources})
  target_include_directories(plugin_${name} PRIVATE ${plugin_root})
  set_target_properties(plugin_${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins)
  target_link_libraries(plugin_${name} PRIVATE ${P_LINK})
  install(TARGETS plugin_${name} LIBRARY DESTINATION lib/kejue)
endfunction()

kj_plugin(telephony LINK m)
kj_plugin(whatsapp)
kj_plugin(llm)
kj_plugin(crm-connectors)
kj_plugin(http)
# GLib's types cannot be registered twice: once loaded, this one stays.
kj_plugin(email-trigger LINK PkgConfig::gmime30 -Wl,-z,nodelete)
kj_plugin(sample)
