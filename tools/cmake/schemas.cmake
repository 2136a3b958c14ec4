# Embeds every file of schemas/ into kj_doc as one generated table (name, JSON text).
file(GLOB_RECURSE schema_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/schemas/*.json)
set(schema_table ${CMAKE_BINARY_DIR}/generated/schema_table.c)
add_custom_command(
  OUTPUT ${schema_table}
  COMMAND ${CMAKE_COMMAND} -D SOURCE=${CMAKE_SOURCE_DIR}/schemas -D OUT=${schema_table}
          -P ${CMAKE_SOURCE_DIR}/tools/cmake/embed.cmake
  DEPENDS ${schema_files} ${CMAKE_SOURCE_DIR}/tools/cmake/embed.cmake
  VERBATIM)
if(TARGET kj_doc)
  target_sources(kj_doc PRIVATE ${schema_table})
endif()
