# Sources of graph, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/describe.cpp
  ${CMAKE_CURRENT_LIST_DIR}/graph.cpp
  ${CMAKE_CURRENT_LIST_DIR}/mistakes.cpp
  ${CMAKE_CURRENT_LIST_DIR}/node.cpp)
