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
