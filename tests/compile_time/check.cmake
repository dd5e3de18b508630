# What a user waits for: the compiler's user time for a small program, the least of three runs, must be below a limit.
# cmake -DCXX=<compiler> -DSOURCE=<file> "-DINCLUDES=<folders>" -DOBJECT=<file> -DLIMIT_MS=<milliseconds> -P check.cmake
set(includes "")
foreach(folder IN LISTS INCLUDES)
  list(APPEND includes -I ${folder})
endforeach()
set(least "")
foreach(round RANGE 1 3)
  # The second line of the shell's times is that of its children: user and system time, as 0m2.04s.
  execute_process(
    COMMAND sh -c "\"$@\" && times" sh ${CXX} -std=c++20 -O2 ${includes} -c ${SOURCE} -o ${OBJECT}
    OUTPUT_VARIABLE output RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${SOURCE} does not compile")
  endif()
  if(NOT output MATCHES "\n([0-9]+)m([0-9]+)[.]([0-9])([0-9])[0-9]*s ")
    message(FATAL_ERROR "times says '${output}'")
  endif()
  math(EXPR milliseconds
    "${CMAKE_MATCH_1} * 60000 + ${CMAKE_MATCH_2} * 1000 + ${CMAKE_MATCH_3} * 100 + ${CMAKE_MATCH_4} * 10")
  message(STATUS "round ${round}: ${milliseconds} ms")
  if(least STREQUAL "" OR milliseconds LESS least)
    set(least ${milliseconds})
  endif()
endforeach()
if(NOT least LESS LIMIT_MS)
  message(FATAL_ERROR "${SOURCE} takes ${least} ms of user time, the limit is ${LIMIT_MS} ms")
endif()
