# Sources of connectors/memory, by hand: target_sources(millstream PRIVATE ${CMAKE_CURRENT_LIST_DIR}/name.cpp ...)
