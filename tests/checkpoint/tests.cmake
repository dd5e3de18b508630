#Tests of checkpoint : millstream_add_test(checkpoint_name name_test.cpp)
millstream_add_test(checkpoint_store_model store_model_test.cpp)
