# jobs_folder(NAME [LINK target...]): the C files of this folder as the object library NAME.
function(jobs_folder name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(${name} OBJECT ${sources})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
endfunction()
