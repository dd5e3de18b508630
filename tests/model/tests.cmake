# Dataflows against plain models, on threads and in the simulator. MILLSTREAM_SEEDS or --seeds says how many seeds the
# simulator tries for each pipeline (default 500; 50 under a sanitizer).
millstream_add_test(model_time_windows time_windows_test.cpp model_main.cpp OWN_MAIN LABELS model)
millstream_add_test(model_idle_splits idle_splits_test.cpp model_main.cpp OWN_MAIN LABELS model)
millstream_add_test(model_session_windows session_windows_test.cpp model_main.cpp OWN_MAIN LABELS model)
millstream_add_test(model_keyed keyed_test.cpp model_main.cpp OWN_MAIN LABELS model)
millstream_add_test(model_shapes shapes_test.cpp model_main.cpp OWN_MAIN LABELS model SECONDS 28)
millstream_add_test(model_clock_windows clock_windows_test.cpp model_main.cpp OWN_MAIN LABELS model)
millstream_add_test(model_interleaving interleaving_test.cpp model_main.cpp OWN_MAIN LABELS model)
millstream_add_test(model_stopping stopping_test.cpp model_main.cpp OWN_MAIN LABELS model)

# The demo is a program; its test runs it.
if(TARGET flight_delays)
  millstream_add_test(model_flight_delays flight_delays_test.cpp LABELS example TIMEOUT 900 SECONDS 109)
  add_dependencies(model_flight_delays flight_delays)
  millstream_add_test(model_flight_delays_speaks flight_delays_speaks_test.cpp LABELS example)
  add_dependencies(model_flight_delays_speaks flight_delays)
  target_compile_definitions(model_flight_delays_speaks PRIVATE FLIGHT_DELAYS_PROGRAM="$<TARGET_FILE:flight_delays>")
  target_compile_definitions(model_flight_delays PRIVATE
    FLIGHT_DELAYS_PROGRAM="$<TARGET_FILE:flight_delays>" FLIGHTS_CSV="${PROJECT_SOURCE_DIR}/examples/data/flights.csv")
  millstream_add_test(model_flight_report flight_report_test.cpp
    ${PROJECT_SOURCE_DIR}/examples/flight_delays/report.cpp LABELS example)
  target_include_directories(model_flight_report PRIVATE ${PROJECT_SOURCE_DIR}/examples)
endif()
