# Builds and runs the consumer project in one of the ways a user may get the library:
# cmake -DMODE=<mode> -DBUILD=<our build folder> -DSOURCE=<repository> -DWORK=<scratch folder> -DCXX=<compiler>
#       -DGENERATOR=<generator> -DLAUNCHER=<compiler launcher> -DTOOL=<whether the tool is
#       installed, too> -DKAFKA=<whether the component kafka is> -P run.cmake
#   installed       find_package from an installed prefix
#   moved           the same after the prefix has been renamed
#   pkg_config      compiled by hand with pkg-config's flags, from a renamed prefix
#   shared          embedded as a shared library, then installed from there and moved; find_package and pkg-config
#   add_subdirectory  embedded as a static library
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# No build type: the consumer builds show that things compile, link and run, not how fast. With a compiler cache the two
# embedded builds compile the library once, for their commands are the same.
set(configure ${CMAKE_COMMAND} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX})
if(LAUNCHER)
  list(APPEND configure "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
endif()
set(consumer ${SOURCE}/tests/consumer)

function(install_moved build)
  run(${CMAKE_COMMAND} --install ${build} --prefix ${WORK}/first)
  file(RENAME ${WORK}/first ${WORK}/second)
endfunction()

function(build_and_run)
  run(${configure} -S ${consumer} -B ${WORK}/consumer -DCONSUMER_KAFKA=${KAFKA} ${ARGN})
  run(${CMAKE_COMMAND} --build ${WORK}/consumer)
  run(${WORK}/consumer/consumer)
  run(${WORK}/consumer/consumer_test)
  if(KAFKA)
    run(${WORK}/consumer/consumer_kafka)
  endif()
endfunction()

function(build_with_pkg_config prefix)
  find_program(PKG_CONFIG NAMES pkg-config pkgconf REQUIRED)
  file(GLOB_RECURSE pc ${prefix}/*/millstream.pc)
  cmake_path(GET pc PARENT_PATH folder)
  set(ENV{PKG_CONFIG_PATH} ${folder})
  cmake_path(GET folder PARENT_PATH libdir)
  set(programs consumer:millstream)
  if(KAFKA)
    list(APPEND programs consumer_kafka:millstream-kafka)
  endif()
  foreach(program IN LISTS programs)
    string(REPLACE ":" ";" program ${program})
    list(POP_FRONT program source)
    foreach(what IN ITEMS cflags libs)
      execute_process(COMMAND ${PKG_CONFIG} --${what} ${program}
        OUTPUT_VARIABLE ${what} OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
      separate_arguments(${what} UNIX_COMMAND "${${what}}")
    endforeach()
    run(${CXX} ${cflags} ${consumer}/${source}.cpp -o ${WORK}/by_hand ${libs} -Wl,-rpath,${libdir})
    run(${WORK}/by_hand)
  endforeach()
endfunction()

# What a shared library shows: its SONAME names the version that may break, and every symbol is of our namespace, with
# the version of the interface in it. Instantiations of the standard library's templates are weak, and common.
function(check_shared_library prefix name)
  file(GLOB_RECURSE libraries ${prefix}/*/${name}.so.0.1)
  list(GET libraries 0 library)
  execute_process(COMMAND objdump -p ${library} OUTPUT_VARIABLE header COMMAND_ERROR_IS_FATAL ANY)
  if(NOT header MATCHES "SONAME +${name}\\.so\\.0\\.1\n")
    message(FATAL_ERROR "the SONAME of ${library} is not ${name}.so.0.1")
  endif()
  execute_process(COMMAND nm -DC --defined-only ${library} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[^\n]+ [TBDR] [^\n]+" strong "${symbols}")
  foreach(symbol IN LISTS strong)
    if(NOT symbol MATCHES "millstream::v0::")
      message(FATAL_ERROR "a symbol shows that is not of millstream::v0: ${symbol}")
    endif()
  endforeach()
endfunction()

file(REMOVE_RECURSE ${WORK})
if(MODE STREQUAL "installed")
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
  build_and_run(-DCMAKE_PREFIX_PATH=${WORK}/prefix)
elseif(MODE STREQUAL "moved")
  install_moved(${BUILD})
  if(TOOL)
    run(${WORK}/second/bin/millstream --help)
  endif()
  build_and_run(-DCMAKE_PREFIX_PATH=${WORK}/second)
elseif(MODE STREQUAL "pkg_config")
  install_moved(${BUILD})
  build_with_pkg_config(${WORK}/second)
elseif(MODE STREQUAL "shared")
  run(${configure} -S ${consumer} -B ${WORK}/library -DMILLSTREAM_SOURCE_DIR=${SOURCE} -DBUILD_SHARED_LIBS=ON)
  run(${CMAKE_COMMAND} --build ${WORK}/library)
  install_moved(${WORK}/library)
  check_shared_library(${WORK}/second libmillstream)
  if(KAFKA)
    check_shared_library(${WORK}/second libmillstream_kafka)
  endif()
  build_and_run(-DCMAKE_PREFIX_PATH=${WORK}/second)
  build_with_pkg_config(${WORK}/second)
elseif(MODE STREQUAL "add_subdirectory")
  build_and_run(-DMILLSTREAM_SOURCE_DIR=${SOURCE})
else()
  message(FATAL_ERROR "unknown MODE ${MODE}")
endif()
file(REMOVE_RECURSE ${WORK})
