# Sources of the test kit, listed by hand.
target_sources(millstream_testing PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/harness_engine.cpp
  ${CMAKE_CURRENT_LIST_DIR}/memory_disk.cpp
  ${CMAKE_CURRENT_LIST_DIR}/memory_file_system.cpp
  ${CMAKE_CURRENT_LIST_DIR}/simulator.cpp)
