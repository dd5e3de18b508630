# Tests of runtime: millstream_add_test(runtime_name name_test.cpp)
