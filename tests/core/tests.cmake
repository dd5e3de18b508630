# Tests of core: millstream_add_test(core_name name_test.cpp)
