target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/byte_stream.cpp
  ${CMAKE_CURRENT_LIST_DIR}/decompressing_stream.cpp
  ${CMAKE_CURRENT_LIST_DIR}/followed_stream.cpp
  ${CMAKE_CURRENT_LIST_DIR}/framer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gzip.cpp
  ${CMAKE_CURRENT_LIST_DIR}/line_output.cpp
  ${CMAKE_CURRENT_LIST_DIR}/output_directory.cpp
  ${CMAKE_CURRENT_LIST_DIR}/part_writer.cpp
  ${CMAKE_CURRENT_LIST_DIR}/prepared_parts.cpp
  ${CMAKE_CURRENT_LIST_DIR}/record_reader.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rotated_files.cpp
  ${CMAKE_CURRENT_LIST_DIR}/zstd.cpp)
