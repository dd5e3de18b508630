# Tests of core: millstream_add_test(core_name name_test.cpp)
millstream_add_test(core_histogram histogram_test.cpp)
millstream_add_test(core_file_system file_system_test.cpp)
millstream_add_test(core_timestamp timestamp_test.cpp)
