# Tests of channel: millstream_add_test(channel_name name_test.cpp)
millstream_add_test(channel_channel channel_test.cpp)
