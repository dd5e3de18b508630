# A job that is killed with SIGKILL. MILLSTREAM_SEEDS (default 100) or --kills says how often.
millstream_add_test(crash_kill kill_main.cpp victim.cpp model.cpp process.cpp OWN_MAIN LABELS crash TIMEOUT 900)
if(MILLSTREAM_TEST_SWITCHES)
  target_compile_definitions(crash_kill PRIVATE MILLSTREAM_TEST_SWITCHES)
endif()
