# The layer check and the proof that it checks.

add_test(NAME layers.check
  COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_LIST_DIR}/check.cmake)
add_test(NAME layers.self_test
  COMMAND ${CMAKE_COMMAND} -DWORK=${CMAKE_CURRENT_BINARY_DIR}/layers -P ${CMAKE_CURRENT_LIST_DIR}/self_test.cmake)
set_tests_properties(layers.check layers.self_test PROPERTIES TIMEOUT 60 LABELS packaging)
