# Tests of testing: millstream_add_test(testing_name name_test.cpp)
millstream_add_test(testing_operator_harness operator_harness_test.cpp)
millstream_add_test(testing_simulator simulator_test.cpp)
