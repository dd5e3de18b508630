# Sources of window, by hand: target_sources(millstream PRIVATE ${CMAKE_CURRENT_LIST_DIR}/name.cpp ...)
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/distinct_sketch.cpp
  ${CMAKE_CURRENT_LIST_DIR}/distinct_sketch_codec.cpp
  ${CMAKE_CURRENT_LIST_DIR}/quantile_sketch.cpp
  ${CMAKE_CURRENT_LIST_DIR}/quantile_sketch_codec.cpp)
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/session_calendar.cpp
  ${CMAKE_CURRENT_LIST_DIR}/slice_grid.cpp
  ${CMAKE_CURRENT_LIST_DIR}/time_zone.cpp
  ${CMAKE_CURRENT_LIST_DIR}/trigger.cpp
  ${CMAKE_CURRENT_LIST_DIR}/window.cpp
  ${CMAKE_CURRENT_LIST_DIR}/window_options.cpp)
