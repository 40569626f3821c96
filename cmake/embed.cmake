# jobs_embed(OUT file...): C source OUT with the text of each file as a byte array (string literals end
# at 4095 bytes in ISO C), and the table sql_texts[] of { "folder/name", text, length }.
function(jobs_embed out)
  string(JOIN "|" list ${ARGN})
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFILES=${list}" -P ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
    DEPENDS ${ARGN} ${PROJECT_SOURCE_DIR}/cmake/embed_files.cmake
    VERBATIM)
endfunction()
