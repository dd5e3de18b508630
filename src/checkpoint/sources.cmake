# Sources of checkpoint, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/instance_layout.cpp
  ${CMAKE_CURRENT_LIST_DIR}/local_checkpoint_reading.cpp
  ${CMAKE_CURRENT_LIST_DIR}/local_checkpoint_retention.cpp
  ${CMAKE_CURRENT_LIST_DIR}/local_checkpoint_store.cpp
  ${CMAKE_CURRENT_LIST_DIR}/local_decider.cpp
  ${CMAKE_CURRENT_LIST_DIR}/manifest.cpp
  ${CMAKE_CURRENT_LIST_DIR}/recovery.cpp
  ${CMAKE_CURRENT_LIST_DIR}/replay.cpp
  ${CMAKE_CURRENT_LIST_DIR}/savepoint.cpp
  ${CMAKE_CURRENT_LIST_DIR}/segment_reader.cpp
  ${CMAKE_CURRENT_LIST_DIR}/segment_writer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_folder.cpp)
