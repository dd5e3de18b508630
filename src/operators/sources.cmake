# Sources of operators, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/collector.cpp
  ${CMAKE_CURRENT_LIST_DIR}/event_time.cpp
  ${CMAKE_CURRENT_LIST_DIR}/flat_map.cpp
  ${CMAKE_CURRENT_LIST_DIR}/group_watermarks.cpp
  ${CMAKE_CURRENT_LIST_DIR}/key_by.cpp
  ${CMAKE_CURRENT_LIST_DIR}/operator_context.cpp
  ${CMAKE_CURRENT_LIST_DIR}/operator_stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/process_stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sink_stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/source_stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/transform_stage.cpp
  ${CMAKE_CURRENT_LIST_DIR}/window_snapshot.cpp)
