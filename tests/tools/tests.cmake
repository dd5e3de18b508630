# The command line tool is a program; its tests run it.
if(TARGET millstream_tool)
  foreach(name IN ITEMS checkpoint state)
    millstream_add_test(tools_${name} ${name}_commands_test.cpp)
    add_dependencies(tools_${name} millstream_tool)
    target_compile_definitions(tools_${name} PRIVATE MILLSTREAM_PROGRAM="$<TARGET_FILE:millstream_tool>")
  endforeach()
endif()
