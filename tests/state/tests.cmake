# Tests of state: millstream_add_test(state_name name_test.cpp)
