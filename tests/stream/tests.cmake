# Tests of stream: millstream_add_test(stream_name name_test.cpp)
