# Tests of codec: millstream_add_test(codec_name name_test.cpp)
