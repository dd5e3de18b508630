# What the library is built with. Public headers need Boost's headers only; the rest is private, yet whoever links the
# static library needs it too, so cmake/millstream-config.cmake.in and cmake/install.cmake repeat this list.

find_package(Boost 1.81 CONFIG REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(zstd CONFIG REQUIRED)
find_package(simdjson CONFIG REQUIRED)
find_package(date CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_path(MILLSTREAM_XXHASH_INCLUDE_DIR xxhash.h REQUIRED DOC "xxHash is used as an inline header")

find_package(PkgConfig QUIET)
# RocksDB by its .pc file, for its CMake package asks for the packages of all its compressors, and these must be found again
# by whoever uses our static library.
option(MILLSTREAM_ROCKSDB "Build the store for state beyond memory on RocksDB (needs librocksdb)" ON)
if(MILLSTREAM_ROCKSDB)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(MILLSTREAM_ROCKSDB_PC QUIET IMPORTED_TARGET rocksdb>=7.8)
  endif()
  if(NOT MILLSTREAM_ROCKSDB_PC_FOUND)
    message(FATAL_ERROR "MILLSTREAM_ROCKSDB needs RocksDB 7.8 or later and pkg-config (Debian: librocksdb-dev, pkgconf); "
      "set -DMILLSTREAM_ROCKSDB=OFF to build without")
  endif()
endif()

# librdkafka belongs to the component kafka alone. A project that includes this one gets the component where librdkafka is
# there; in our own build it is missed.
if(PKG_CONFIG_FOUND)
  pkg_check_modules(MILLSTREAM_RDKAFKA QUIET IMPORTED_TARGET rdkafka>=2.0.2)
endif()
if(PROJECT_IS_TOP_LEVEL OR MILLSTREAM_RDKAFKA_FOUND)
  set(kafka_default ON)
else()
  set(kafka_default OFF)
endif()
option(MILLSTREAM_KAFKA "Build the component kafka (needs librdkafka)" ${kafka_default})
if(MILLSTREAM_KAFKA AND NOT MILLSTREAM_RDKAFKA_FOUND)
  message(FATAL_ERROR "MILLSTREAM_KAFKA needs librdkafka 2.0.2 or later and pkg-config (Debian: librdkafka-dev, pkgconf); "
    "set -DMILLSTREAM_KAFKA=OFF to build without")
endif()
