# Sources of connectors/memory, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/sink.cpp
  ${CMAKE_CURRENT_LIST_DIR}/source.cpp)
