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

struct Command {
  std::string program = "/proc/self/exe";  ///< this very program
  std::vector<std::string> arguments = {};
  std::vector<std::string> variables = {};  ///< "NAME=value", added to the environment
  std::string log = {};                     ///< what it writes to stderr goes to the end of this file
};

class Child {
 public:
  explicit Child(Command command);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// One that still runs is killed.
  ~Child();

  /// Waits for its end, so long at the most; nothing where it still runs.
  std::optional<Ended> wait_for(std::chrono::milliseconds timeout);
  /// Waits until it is stopped by SIGSTOP; false where it is not in so long, or has ended.
  bool wait_until_stopped(std::chrono::milliseconds timeout);
  void send(int signal);
  void kill();

 private:
  pid_t pid_ = 0;
  std::optional<Ended> ended_;
};

}  // namespace millstream::crash
