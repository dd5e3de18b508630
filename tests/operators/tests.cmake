# Tests of operators: millstream_add_test(operators_name name_test.cpp)
