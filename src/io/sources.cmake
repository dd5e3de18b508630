# Sources of io, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/checkpoint_id.cpp
  ${CMAKE_CURRENT_LIST_DIR}/epoch_passes.cpp
  ${CMAKE_CURRENT_LIST_DIR}/split_arrivals.cpp)
