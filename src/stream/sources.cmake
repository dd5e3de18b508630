# Sources of stream, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/dataflow.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stage_builder.cpp)
