# xent_unpack(TARGET FOLDER ARCHIVE...): a target that unpacks each NAME.zip or NAME.npz into FOLDER/NAME.
function(xent_unpack target folder)
  foreach(archive ${ARGN})
    get_filename_component(name ${archive} NAME_WE)
    set(place ${folder}/${name})
    add_custom_command(OUTPUT ${place}.unpacked
      COMMAND ${CMAKE_COMMAND} -E rm -rf ${place}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${place}
      COMMAND ${CMAKE_COMMAND} -E chdir ${place} ${CMAKE_COMMAND} -E tar xf ${archive}
      COMMAND ${CMAKE_COMMAND} -E touch ${place}.unpacked
      DEPENDS ${archive} VERBATIM COMMENT "Unpacking ${name}")
    list(APPEND unpacked ${place}.unpacked)
  endforeach()
  add_custom_target(${target} ALL DEPENDS ${unpacked})
endfunction()
