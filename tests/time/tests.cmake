# Tests of time: millstream_add_test(time_name name_test.cpp)
