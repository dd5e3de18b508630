// posix_spawn of this very program.
#include "crash/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace millstream::crash {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Child::Child(std::vector<std::string> arguments, const std::optional<std::string>& variable, const std::string& log) {
  arguments.insert(arguments.begin(), "/proc/self/exe");
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) variables.emplace_back(*each);
  if (variable) variables.push_back(*variable);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int failed =
      ::posix_spawn(&pid_, "/proc/self/exe", &files, nullptr, pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) throw std::runtime_error{"cannot start this program once more"};
}

Child::~Child() {
  if (ended_) return;
  kill();
  ::waitpid(pid_, nullptr, 0);
}

std::optional<Ended> Child::wait_for(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = true;
      return WIFSIGNALED(status) ? Ended{.signal = WTERMSIG(status)} : Ended{.exit_code = WEXITSTATUS(status)};
    }
    const auto left = until - std::chrono::steady_clock::now();
    if (left.count() <= 0) return std::nullopt;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds{1}));
  }
}

void Child::kill() { ::kill(pid_, SIGKILL); }

}  // namespace millstream::crash
