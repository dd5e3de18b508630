# Every public header compiles alone, and twice in one file: one generated translation unit a header, built with the
# tests (not under a sanitizer, which could find nothing here).

file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/*.hpp)
set(units "")
foreach(header IN LISTS headers)
  string(REPLACE ".hpp" ".cpp" unit "${CMAKE_CURRENT_BINARY_DIR}/headers/${header}")
  file(CONFIGURE OUTPUT ${unit} CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
  list(APPEND units ${unit})
endforeach()
add_library(millstream_headers_alone OBJECT ${units})
target_link_libraries(millstream_headers_alone PRIVATE millstream::millstream)
set_target_properties(millstream_headers_alone PROPERTIES CXX_EXTENSIONS OFF)
target_compile_options(millstream_headers_alone PRIVATE -O0 -g0)
