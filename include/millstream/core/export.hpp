// Marks what the shared library exports; everything else is compiled with hidden visibility.
#pragma once

#if defined(__GNUC__)
#define MILLSTREAM_EXPORT __attribute__((visibility("default")))
#else
#define MILLSTREAM_EXPORT
#endif
