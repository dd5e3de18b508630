target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/schedule.cpp)
