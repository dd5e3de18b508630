target_sources(millstream_testing PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/memory_file_system.cpp)
