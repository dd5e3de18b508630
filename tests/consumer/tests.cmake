# The consumer builds. They install from this build, so a sanitized build has none.

foreach(mode IN ITEMS installed moved pkg_config shared add_subdirectory)
  add_test(NAME consumer.${mode} COMMAND ${CMAKE_COMMAND}
    -DMODE=${mode} -DBUILD=${PROJECT_BINARY_DIR} -DSOURCE=${PROJECT_SOURCE_DIR}
    -DWORK=${CMAKE_CURRENT_BINARY_DIR}/consumer/${mode} -DCXX=${CMAKE_CXX_COMPILER} -DGENERATOR=${CMAKE_GENERATOR}
    -DLAUNCHER=${MILLSTREAM_CCACHE} -DTOOL=${MILLSTREAM_TOOLS}
    -DKAFKA=${MILLSTREAM_KAFKA} -P ${CMAKE_CURRENT_LIST_DIR}/run.cmake)
  set_tests_properties(consumer.${mode} PROPERTIES TIMEOUT 1800 LABELS packaging)
endforeach()
# One after the other, for the second finds the first one's objects in the compiler cache.
set_tests_properties(consumer.add_subdirectory PROPERTIES DEPENDS consumer.shared)
