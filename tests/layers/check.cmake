# Layer check: cmake -DROOT=<repository> -P check.cmake. Fails when an include in include/ or src/ goes to a folder that
# its own folder may not see, or when a third-party header is included outside its home.
cmake_minimum_required(VERSION 3.25)

# The ranks: a folder sees itself and what has a lower rank. Folders of equal rank do not see each other.
set(rank_core 0)
set(rank_time 1)
set(rank_codec 1)
set(rank_channel 2)
set(rank_state 2)
set(rank_window 3)
set(rank_io 3)
set(rank_operators 4)
set(rank_graph 5)
set(rank_checkpoint 6)
set(rank_runtime 7)
set(rank_stream 8)
# These see a list of folders and themselves. "*" is everything; only the umbrella header and testing have it.
set(sees_connector core time codec io)
set(sees_tools core time codec state io checkpoint)
set(sees_testing *)
set(sees_umbrella *)

# Third-party headers of compiled code: "pattern=homes", a home being a folder or a file below src. Boost headers
# without a line here, and all other third-party headers, are refused.
set(homes
  "^simdjson=codec"
  "^boost/json=codec"
  "^xxhash[.]h=core codec state"
  "^zstd[.]h=connectors/file"
  "^zlib[.]h=connectors/file"
  "^rocksdb/=state"
  "^librdkafka/=connectors/kafka"
  "^date/=time window"
  "^spdlog/=core/log.cpp"
  "^fmt/=*"
  "^CLI/=tools"
  "^boost/(asio|system)=runtime io"
  "^boost/unordered=state window operators graph checkpoint runtime"
  "^boost/(describe|mp11)=*")
set(public_third_party "^boost/(describe|mp11)([/.]|$)")
set(system_headers
  "^(sys|linux|netinet|arpa)/|^(unistd|fcntl|pthread|sched|signal|poll|time|errno|dirent|glob|termios|emmintrin|immintrin|x86intrin|cxxabi|fnmatch|dlfcn)[.]h$")

# The folder that a path below include/millstream or src belongs to: "codec", "connectors/file", "testing", "umbrella".
function(unit_of path out)
  if(path MATCHES "^connectors/([^/.]+)")
    set(unit connectors/${CMAKE_MATCH_1})
  elseif(path MATCHES "^([^/]+)/")
    set(unit ${CMAKE_MATCH_1})
  else()
    set(unit umbrella)
  endif()
  set(${out} ${unit} PARENT_SCOPE)
endfunction()

function(may_see from to out)
  set(answer NO)
  string(REGEX REPLACE "^connectors/.*" "connector" class "${from}")
  if(from STREQUAL to)
    set(answer YES)
  elseif(DEFINED sees_${class})
    if(sees_${class} STREQUAL "*" OR to IN_LIST sees_${class})
      set(answer YES)
    endif()
  elseif(DEFINED rank_${from} AND DEFINED rank_${to})
    if(rank_${to} LESS rank_${from})
      set(answer YES)
    endif()
  endif()
  set(${out} ${answer} PARENT_SCOPE)
endfunction()

function(complain file header reason)
  message(NOTICE "${file}: includes ${header}: ${reason}")
  set_property(GLOBAL APPEND PROPERTY violations ${file})
endfunction()

function(check_own file from header)
  string(REGEX REPLACE "^(millstream|src)/" "" path "${header}")
  if(path MATCHES "[.][.]/")
    complain(${file} ${header} "write the path below include or src, without ..")
    return()
  endif()
  if(NOT path MATCHES "/" AND NOT header MATCHES "^millstream/")
    get_filename_component(folder ${ROOT}/${file} DIRECTORY)
    if(NOT EXISTS ${folder}/${header})
      complain(${file} ${header} "no such file beside it; third-party headers are written in <>")
    endif()
    return()
  endif()
  unit_of("${path}" to)
  may_see(${from} ${to} allowed)
  if(NOT allowed)
    complain(${file} ${header} "${from} may not see ${to}")
  endif()
endfunction()

function(check_foreign file public path_in_src header)
  if(header MATCHES "^[a-z_0-9]+$")
    return()  # the standard library
  endif()
  if(public)
    if(NOT header MATCHES "${public_third_party}")
      complain(${file} ${header} "public headers use the standard library, Boost.Describe and Boost.Mp11")
    endif()
    return()
  endif()
  if(header MATCHES "${system_headers}")
    return()
  endif()
  foreach(line IN LISTS homes)
    string(REGEX MATCH "^(.*)=(.*)$" line "${line}")
    set(pattern "${CMAKE_MATCH_1}")
    string(REPLACE " " ";" places "${CMAKE_MATCH_2}")
    if(header MATCHES "${pattern}")
      if(places STREQUAL "*")
        return()
      endif()
      foreach(place IN LISTS places)
        if(path_in_src STREQUAL place OR path_in_src MATCHES "^${place}/")
          return()
        endif()
      endforeach()
      complain(${file} ${header} "its home is ${places}")
      return()
    endif()
  endforeach()
  complain(${file} ${header} "a third-party header without a home (tests/layers/check.cmake lists them)")
endfunction()

function(check_tree base public)
  file(GLOB_RECURSE files RELATIVE ${ROOT}/${base} ${ROOT}/${base}/*.hpp ${ROOT}/${base}/*.cpp)
  foreach(path IN LISTS files)
    unit_of("${path}" from)
    file(STRINGS ${ROOT}/${base}/${path} lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
    foreach(line IN LISTS lines)
      if(line MATCHES "[<\"](millstream/[^>\"]+)[>\"]")
        check_own(${base}/${path} ${from} "${CMAKE_MATCH_1}")
      elseif(line MATCHES "\"([^\"]+)\"")
        check_own(${base}/${path} ${from} "${CMAKE_MATCH_1}")
      elseif(line MATCHES "<([^>]+)>")
        check_foreign(${base}/${path} ${public} ${path} "${CMAKE_MATCH_1}")
      endif()
    endforeach()
  endforeach()
endfunction()

check_tree(include/millstream YES)
check_tree(src NO)
get_property(violations GLOBAL PROPERTY violations)
if(violations)
  list(LENGTH violations count)
  message(FATAL_ERROR "${count} includes cross a layer")
endif()
