// File sinks by hand, as one shard of a job runs them, on a disk in memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "connectors/drive.hpp"
#include "millstream/connectors/file.hpp"
#include "millstream/testing/memory_file_system.hpp"

namespace millstream::inline v0::testing {

/// One shard's copy of a sink, opened.
template <class T>
struct OpenSink {
  OpenSink(file::Sink<T> prototype, FileSystem& files, Clock& clock, std::uint32_t shard = 0)
      : context{"out",  shard, 2,
                files,  clock, [log = logged](LogLevel, std::string_view message) { log->emplace_back(message); },
                Waker{}},
        sink{std::move(prototype)},
        opened{sink.open(context)} {}

  Status write(std::vector<T> records) { return sink.write(records).error(); }

  std::shared_ptr<std::vector<std::string>> logged = std::make_shared<std::vector<std::string>>();
  SinkContext context;
  file::Sink<T> sink;
  Status opened;
};

class FileSink : public ::testing::Test {
 protected:
  /// Names of files that readers see.
  std::vector<std::string> visible() {
    std::vector<std::string> names;
    for (const std::string& name : files.files()) {
      if (name.find("/.") == std::string::npos) names.push_back(name);
    }
    return names;
  }
  OpenSink<int> open(file::SinkOptions<int> options, std::uint32_t shard = 0) {
    if (options.directory.empty()) options.directory = "out";
    return {file::sink<int>(std::move(options)), files, clock, shard};
  }
  /// All numbers in visible files, sorted.
  std::vector<int> numbers() {
    std::vector<int> all;
    for (const std::string& name : visible()) {
      const auto some =
          read_all<int>(file::source<int>({.path = name, .format = file::Format::kJsonLines}), files, clock);
      all.insert(all.end(), some.begin(), some.end());
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  ManualClock clock;
  MemoryFileSystem files{clock};
};

inline std::vector<int> range(int begin, int end) {
  std::vector<int> all(static_cast<std::size_t>(end - begin));
  std::iota(all.begin(), all.end(), begin);
  return all;
}

}  // namespace millstream::inline v0::testing
