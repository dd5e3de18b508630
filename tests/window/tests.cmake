# Tests of window: millstream_add_test(window_name name_test.cpp)
millstream_add_test(window_distinct_sketch distinct_sketch_test.cpp)
millstream_add_test(window_quantile_sketch quantile_sketch_test.cpp)
