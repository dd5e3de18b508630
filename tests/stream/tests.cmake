# Tests of stream: millstream_add_test(stream_name name_test.cpp)
millstream_add_test(stream_policies policies_test.cpp)
millstream_add_test(stream_side_streams side_streams_test.cpp)
millstream_add_test(stream_watermark_step watermark_step_test.cpp)
