# Sources of the command line tool, listed by hand.
target_sources(millstream_tool PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/checkpoint_commands.cpp
  ${CMAKE_CURRENT_LIST_DIR}/checkpoint_diff.cpp
  ${CMAKE_CURRENT_LIST_DIR}/command_line.cpp
  ${CMAKE_CURRENT_LIST_DIR}/entries.cpp
  ${CMAKE_CURRENT_LIST_DIR}/main.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_commands.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_folder_view.cpp
  ${CMAKE_CURRENT_LIST_DIR}/text.cpp)
