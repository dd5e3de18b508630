# Installs the library, its headers, the CMake package and the .pc files. Nothing installed contains the prefix, so the
# installed tree may be moved. Each component has its own export file; the package finds a component by that file.

include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/millstream)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/millstream DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(components core testing)
if(MILLSTREAM_KAFKA)
  list(APPEND components kafka)
endif()
foreach(component IN LISTS components)
  set(target millstream)
  if(NOT component STREQUAL "core")
    set(target millstream_${component})
  endif()
  install(TARGETS ${target} EXPORT millstream-${component}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT millstream-${component}
    NAMESPACE millstream:: FILE millstream-${component}-targets.cmake DESTINATION ${package_dir})
endforeach()

if(MILLSTREAM_TOOLS)
  # A shared library is found from where the program is, so that the tree may be moved.
  file(RELATIVE_PATH libdir_from_bindir /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR})
  set_target_properties(millstream_tool PROPERTIES INSTALL_RPATH "$ORIGIN/${libdir_from_bindir}")
  install(TARGETS millstream_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

get_target_property(library_type millstream TYPE)
configure_package_config_file(cmake/millstream-config.cmake.in millstream-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(millstream-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/millstream-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/millstream-config-version.cmake
        DESTINATION ${package_dir})

# Whoever links the archive needs its dependencies without asking for --static.
set(pc_private "")
set(pc_libs " -ldate-tz -pthread")
set(pc_rdkafka ", rdkafka >= 2.0.2")
set(pc_rocksdb "")
if(MILLSTREAM_ROCKSDB)
  set(pc_rocksdb " rocksdb")
endif()
if(library_type STREQUAL "SHARED_LIBRARY")
  set(pc_private ".private")
  set(pc_rdkafka "\nRequires.private: rdkafka >= 2.0.2")
  set(pc_libs "")
endif()
# .pc files are found in <prefix>/<libdir>/pkgconfig: the prefix is as many steps above as libdir has parts, plus one.
file(RELATIVE_PATH pc_prefix_from_here
     /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" pc_prefix_from_here "${pc_prefix_from_here}")
set(pc_names millstream)
if(MILLSTREAM_KAFKA)
  list(APPEND pc_names millstream-kafka)
endif()
foreach(name IN LISTS pc_names)
  configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
