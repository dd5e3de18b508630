# Tests of connectors: millstream_add_test(connectors_name name_test.cpp)
