# Runs an example as CTest does: it must end with 0, and its output must match.
# cmake -DPROGRAM=<file> -DEXPECT=<regular expression, may be empty> -P run_example.cmake
execute_process(COMMAND ${PROGRAM} OUTPUT_VARIABLE output ECHO_OUTPUT_VARIABLE ECHO_ERROR_VARIABLE
  RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "it ended with ${result}")
endif()
if(NOT output MATCHES "${EXPECT}")
  message(FATAL_ERROR "its output does not match '${EXPECT}'")
endif()
