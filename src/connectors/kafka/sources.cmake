target_sources(millstream_kafka PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/configuration.cpp
  ${CMAKE_CURRENT_LIST_DIR}/dead_letter.cpp
  ${CMAKE_CURRENT_LIST_DIR}/decider.cpp
  ${CMAKE_CURRENT_LIST_DIR}/decider_renewal.cpp
  ${CMAKE_CURRENT_LIST_DIR}/decision_offsets.cpp
  ${CMAKE_CURRENT_LIST_DIR}/errors.cpp
  ${CMAKE_CURRENT_LIST_DIR}/joined_options.cpp
  ${CMAKE_CURRENT_LIST_DIR}/librdkafka_consumer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/librdkafka_handle.cpp
  ${CMAKE_CURRENT_LIST_DIR}/librdkafka_producer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/librdkafka_transactions.cpp
  ${CMAKE_CURRENT_LIST_DIR}/partition_reader.cpp
  ${CMAKE_CURRENT_LIST_DIR}/partition_watch.cpp
  ${CMAKE_CURRENT_LIST_DIR}/record_writer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sink_hub.cpp
  ${CMAKE_CURRENT_LIST_DIR}/source_hub.cpp)
