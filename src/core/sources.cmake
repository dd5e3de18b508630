target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/assert.cpp
  ${CMAKE_CURRENT_LIST_DIR}/status.cpp)
