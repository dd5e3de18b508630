# Sources of testing, by hand: target_sources(millstream_testing PRIVATE ${CMAKE_CURRENT_LIST_DIR}/name.cpp ...)
