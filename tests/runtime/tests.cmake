# Tests of runtime: millstream_add_test(runtime_name name_test.cpp)
millstream_add_test(runtime_job job_test.cpp)
millstream_add_test(runtime_backpressure backpressure_test.cpp SERIAL)
