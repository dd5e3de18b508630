# Tests of graph: millstream_add_test(graph_name name_test.cpp)
millstream_add_test(graph_mistakes mistakes_test.cpp deciding_sinks_test.cpp shared_input_test.cpp)
millstream_add_test(graph_option_mistakes option_mistakes_test.cpp)
