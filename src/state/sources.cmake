# Sources of state, listed by hand.
target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/cold/block_memory.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cold/cold_image.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cold/cold_readers.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cold/cold_round.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cold/cold_store.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cold/cold_table.cpp
  ${CMAKE_CURRENT_LIST_DIR}/cold/cold_tables.cpp
  ${CMAKE_CURRENT_LIST_DIR}/entry_changes.cpp
  ${CMAKE_CURRENT_LIST_DIR}/key_space.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_store.cpp
  ${CMAKE_CURRENT_LIST_DIR}/table_blocks.cpp
  ${CMAKE_CURRENT_LIST_DIR}/table_index.cpp
  ${CMAKE_CURRENT_LIST_DIR}/timers.cpp)
if(MILLSTREAM_ROCKSDB)
  target_sources(millstream PRIVATE
    ${CMAKE_CURRENT_LIST_DIR}/cold/rocks_cold_store.cpp
    ${CMAKE_CURRENT_LIST_DIR}/cold/rocks_settings.cpp)
else()
  target_sources(millstream PRIVATE ${CMAKE_CURRENT_LIST_DIR}/cold/no_rocks_cold_store.cpp)
endif()
