# Sources of core, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/assert.cpp
  ${CMAKE_CURRENT_LIST_DIR}/clock.cpp
  ${CMAKE_CURRENT_LIST_DIR}/file_system.cpp
  ${CMAKE_CURRENT_LIST_DIR}/hash.cpp
  ${CMAKE_CURRENT_LIST_DIR}/histogram.cpp
  ${CMAKE_CURRENT_LIST_DIR}/histogram_text.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log.cpp
  ${CMAKE_CURRENT_LIST_DIR}/mapped_array.cpp
  ${CMAKE_CURRENT_LIST_DIR}/memory_budget.cpp
  ${CMAKE_CURRENT_LIST_DIR}/page_toucher.cpp
  ${CMAKE_CURRENT_LIST_DIR}/piece_arena.cpp
  ${CMAKE_CURRENT_LIST_DIR}/posix_file_system.cpp
  ${CMAKE_CURRENT_LIST_DIR}/private_file.cpp
  ${CMAKE_CURRENT_LIST_DIR}/status.cpp
  ${CMAKE_CURRENT_LIST_DIR}/timestamp.cpp)
# Without them the library is as if they did not exist.
if(MILLSTREAM_TEST_SWITCHES)
  target_compile_definitions(millstream PRIVATE MILLSTREAM_TEST_SWITCHES)
  target_sources(millstream PRIVATE ${CMAKE_CURRENT_LIST_DIR}/kill_points.cpp ${CMAKE_CURRENT_LIST_DIR}/mutants.cpp)
endif()
