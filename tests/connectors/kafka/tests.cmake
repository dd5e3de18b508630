# The component kafka. What is labelled kafka runs on a real broker, which the tests start by kafka_broker.sh unless
# MILLSTREAM_KAFKA_BROKERS names some; without java, or before kafka_broker.sh fetch, they are skipped.

set(kafka_libraries millstream::kafka PkgConfig::MILLSTREAM_RDKAFKA)
millstream_add_test(connectors_kafka_format format_test.cpp)
millstream_add_test(connectors_kafka_configuration configuration_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_decider decider_test.cpp decider_start_test.cpp decider_admit_test.cpp
  decider_renewal_test.cpp joined_sinks_test.cpp replaced_sink_test.cpp transactional_writer_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_dead_letter dead_letter_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_exactly_once exactly_once_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_scripted scripted_test.cpp delivery_group_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_mock_source mock_source_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_mock_failures mock_failures_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_mock_job mock_job_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_mock_sink mock_sink_test.cpp known_partitions_test.cpp LIBRARIES ${kafka_libraries})
millstream_add_test(connectors_kafka_card_totals_oracle card_totals/oracle_test.cpp card_totals/oracle.cpp
  LIBRARIES ${kafka_libraries})

# Programs that start brokers run one at a time: each takes 400 MB and, at its start, a core for a second or two.
function(millstream_add_broker_test name)
  millstream_add_test(${name} ${ARGN} LIBRARIES ${kafka_libraries} LABELS kafka TIMEOUT 600)
  target_compile_definitions(${name} PRIVATE
    MILLSTREAM_KAFKA_BROKER_SCRIPT="${PROJECT_SOURCE_DIR}/tests/connectors/kafka/kafka_broker.sh")
  set_tests_properties(${name} PROPERTIES RESOURCE_LOCK kafka_broker SKIP_REGULAR_EXPRESSION "no java or jars")
endfunction()
millstream_add_broker_test(kafka_source broker_source_test.cpp)
millstream_add_broker_test(kafka_job broker_job_test.cpp)
millstream_add_broker_test(kafka_exactly_once broker_exactly_once_test.cpp broker_lost_decisions_test.cpp)
millstream_add_broker_test(kafka_dead_letters broker_dead_letters_test.cpp)
millstream_add_broker_test(kafka_recovery broker_recovery_test.cpp)
if(MILLSTREAM_TEST_SWITCHES)
  target_compile_definitions(kafka_recovery PRIVATE MILLSTREAM_TEST_SWITCHES)
endif()
millstream_add_broker_test(kafka_growth broker_growth_test.cpp)

# On the example, as users run it.
if(TARGET kafka_card_totals)
  set(card_totals card_totals/pipeline.cpp card_totals/oracle.cpp ../../crash/process.cpp)
  millstream_add_broker_test(kafka_kill card_totals/kill_main.cpp ${card_totals} OWN_MAIN)
  millstream_add_broker_test(kafka_faults card_totals/faults_test.cpp card_totals/instances_test.cpp
    card_totals/takeover_test.cpp card_totals/windows_test.cpp ${card_totals})
  add_dependencies(kafka_faults kafka_windows)
  target_compile_definitions(kafka_faults PRIVATE MILLSTREAM_KAFKA_WINDOWS="$<TARGET_FILE:kafka_windows>")
  foreach(test IN ITEMS kafka_kill kafka_faults)
    add_dependencies(${test} kafka_card_totals)
    target_compile_definitions(${test} PRIVATE MILLSTREAM_KAFKA_CARD_TOTALS="$<TARGET_FILE:kafka_card_totals>")
    if(MILLSTREAM_TEST_SWITCHES)
      target_compile_definitions(${test} PRIVATE MILLSTREAM_TEST_SWITCHES)
    endif()
  endforeach()
endif()
