target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/assert.cpp
  ${CMAKE_CURRENT_LIST_DIR}/file_system.cpp
  ${CMAKE_CURRENT_LIST_DIR}/posix_file_system.cpp
  ${CMAKE_CURRENT_LIST_DIR}/status.cpp)
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/histogram.cpp
  ${CMAKE_CURRENT_LIST_DIR}/histogram_text.cpp)
