# Tests of io: millstream_add_test(io_name name_test.cpp)
millstream_add_test(io_epoch_buffer epoch_buffer_test.cpp)
millstream_add_test(io_split_arrivals split_arrivals_test.cpp)
