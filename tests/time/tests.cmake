# Tests of time: millstream_add_test(time_name name_test.cpp)
millstream_add_test(time_watermark watermark_test.cpp)
millstream_add_test(time_idle idle_test.cpp)
