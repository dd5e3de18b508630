# Tests of runtime: millstream_add_test(runtime_name name_test.cpp)
millstream_add_test(runtime_job job_test.cpp)
millstream_add_test(runtime_large_records large_records_test.cpp)
millstream_add_test(runtime_backpressure backpressure_test.cpp SERIAL)
millstream_add_test(runtime_step_time step_time_test.cpp SERIAL)
# A sanitizer has an operator new of its own.
if(NOT MILLSTREAM_SANITIZE)
  millstream_add_test(runtime_allocation allocation_test.cpp)
endif()
