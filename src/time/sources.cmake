# Sources of time, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/split_progress.cpp
  ${CMAKE_CURRENT_LIST_DIR}/watermark.cpp
  ${CMAKE_CURRENT_LIST_DIR}/watermark_merge.cpp)
