# Sources of runtime, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/checkpointer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cold_parts.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cores.cpp
  ${CMAKE_CURRENT_LIST_DIR}/decision_runner.cpp
  ${CMAKE_CURRENT_LIST_DIR}/engine.cpp
  ${CMAKE_CURRENT_LIST_DIR}/engine_builder.cpp
  ${CMAKE_CURRENT_LIST_DIR}/engine_run.cpp
  ${CMAKE_CURRENT_LIST_DIR}/instance_folders.cpp
  ${CMAKE_CURRENT_LIST_DIR}/instance_settling.cpp
  ${CMAKE_CURRENT_LIST_DIR}/job.cpp
  ${CMAKE_CURRENT_LIST_DIR}/options_check.cpp
  ${CMAKE_CURRENT_LIST_DIR}/progress_line.cpp
  ${CMAKE_CURRENT_LIST_DIR}/restart.cpp
  ${CMAKE_CURRENT_LIST_DIR}/restore.cpp
  ${CMAKE_CURRENT_LIST_DIR}/savepoints.cpp
  ${CMAKE_CURRENT_LIST_DIR}/shard_barriers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/snapshot_taker.cpp
  ${CMAKE_CURRENT_LIST_DIR}/spiller.cpp
  ${CMAKE_CURRENT_LIST_DIR}/starting_point.cpp
  ${CMAKE_CURRENT_LIST_DIR}/stepping_thread.cpp)
