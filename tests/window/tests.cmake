# Tests of window: millstream_add_test(window_name name_test.cpp)
