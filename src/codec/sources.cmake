target_sources(millstream PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/bytes.cpp
  ${CMAKE_CURRENT_LIST_DIR}/compact_json.cpp
  ${CMAKE_CURRENT_LIST_DIR}/conversion.cpp
  ${CMAKE_CURRENT_LIST_DIR}/csv.cpp
  ${CMAKE_CURRENT_LIST_DIR}/csv_binding.cpp
  ${CMAKE_CURRENT_LIST_DIR}/encode.cpp
  ${CMAKE_CURRENT_LIST_DIR}/json_parser.cpp
  ${CMAKE_CURRENT_LIST_DIR}/json_reader.cpp
  ${CMAKE_CURRENT_LIST_DIR}/schema.cpp
  ${CMAKE_CURRENT_LIST_DIR}/schema_json.cpp
  ${CMAKE_CURRENT_LIST_DIR}/schema_parser.cpp
  ${CMAKE_CURRENT_LIST_DIR}/schema_resolution.cpp
  ${CMAKE_CURRENT_LIST_DIR}/schema_type.cpp
  ${CMAKE_CURRENT_LIST_DIR}/state_declaration.cpp
  ${CMAKE_CURRENT_LIST_DIR}/text_value.cpp)
