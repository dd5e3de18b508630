# Tests of window: millstream_add_test(window_name name_test.cpp)
millstream_add_test(window_distinct_sketch distinct_sketch_test.cpp)
millstream_add_test(window_quantile_sketch quantile_sketch_test.cpp)
millstream_add_test(window_aggregates aggregates_test.cpp)
millstream_add_test(window_number_set number_set_test.cpp)
millstream_add_test(window_filtered filtered_test.cpp)
millstream_add_test(window_session_calendar session_calendar_test.cpp)
millstream_add_test(window_session_list session_list_test.cpp)
millstream_add_test(window_slice_grid slice_grid_test.cpp)
millstream_add_test(window_window window_test.cpp)
millstream_add_compile_fail_test(window_aggregate_field_fail aggregate_field_fail.cpp
  "millstream: sum.field. adds numbers and durations")
millstream_add_compile_fail_test(window_filtered_predicate_fail filtered_predicate_fail.cpp
  "millstream: filtered.predicate, aggregate. needs")
