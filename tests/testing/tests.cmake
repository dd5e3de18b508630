# Tests of testing: millstream_add_test(testing_name name_test.cpp)
