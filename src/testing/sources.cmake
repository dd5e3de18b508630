# Sources of the test kit, listed by hand.
target_sources(millstream_testing PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/harness_engine.cpp
  ${CMAKE_CURRENT_LIST_DIR}/latency_recorder.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log_broker.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log_connector.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log_decider.cpp
  ${CMAKE_CURRENT_LIST_DIR}/log_transactions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/memory_disk.cpp
  ${CMAKE_CURRENT_LIST_DIR}/memory_file_system.cpp
  ${CMAKE_CURRENT_LIST_DIR}/open_loop.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ordered_cold_store.cpp
  ${CMAKE_CURRENT_LIST_DIR}/simulator.cpp)
if(MILLSTREAM_TEST_SWITCHES)
  target_compile_definitions(millstream_testing PRIVATE MILLSTREAM_TEST_SWITCHES)
endif()
