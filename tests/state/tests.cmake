# Tests of state.
millstream_add_test(state_entry_changes entry_changes_test.cpp)
millstream_add_test(state_timers timers_test.cpp)
millstream_add_test(state_handles handles_test.cpp)
millstream_add_test(state_table state_table_test.cpp)
millstream_add_test(state_table_index table_index_test.cpp)
