// Child processes that are killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace millstream::crash {

/// How a child ended: by itself with an exit code, or by a signal.
struct Ended {
  int exit_code = 0;
  int signal = 0;
};

class Child {
 public:
  /// This program with other arguments and more environment ("NAME=value"); what it writes goes to the end of `log`.
  Child(std::vector<std::string> arguments, const std::optional<std::string>& variable, const std::string& log);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// One that still runs is killed.
  ~Child();

  /// Waits for its end, so long at the most; nothing where it still runs.
  std::optional<Ended> wait_for(std::chrono::milliseconds timeout);
  void kill();

 private:
  pid_t pid_ = 0;
  bool ended_ = false;
};

}  // namespace millstream::crash
