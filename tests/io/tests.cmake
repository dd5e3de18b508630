# Tests of io: millstream_add_test(io_name name_test.cpp)
