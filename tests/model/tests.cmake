# Tests of model: millstream_add_test(model_name name_test.cpp)
