# How long a user's small program compiles, as users compile it: 4 s is the aim, some 2 s what it takes on an idle core. The
# limit leaves room for slow machines that are shared, and finds what doubles it. Nothing runs beside it.

get_target_property(boost_includes Boost::headers INTERFACE_INCLUDE_DIRECTORIES)
add_test(NAME compile_time.word_count COMMAND ${CMAKE_COMMAND} -DCXX=${CMAKE_CXX_COMPILER}
  -DSOURCE=${PROJECT_SOURCE_DIR}/examples/word_count.cpp "-DINCLUDES=${PROJECT_SOURCE_DIR}/include;${boost_includes}"
  -DOBJECT=${CMAKE_CURRENT_BINARY_DIR}/word_count_compile_time.o -DLIMIT_MS=8000
  -P ${CMAKE_CURRENT_LIST_DIR}/check.cmake)
set_tests_properties(compile_time.word_count PROPERTIES RUN_SERIAL ON TIMEOUT 120 LABELS packaging)
