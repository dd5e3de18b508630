// posix_spawn, and waiting for what it has started.
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

Child::Child(Command command) {
  std::vector<std::string>& arguments = command.arguments;
  arguments.insert(arguments.begin(), command.program);
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) variables.emplace_back(*each);
  variables.insert(variables.end(), command.variables.begin(), command.variables.end());
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int failed = ::posix_spawn(&pid_, command.program.c_str(), &files, nullptr, pointers(arguments).data(),
                                   pointers(variables).data());
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) throw std::runtime_error{"cannot start " + command.program};
}

Child::~Child() {
  if (ended_) return;
  kill();
  ::waitpid(pid_, nullptr, 0);
}

std::optional<Ended> Child::wait_for(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!ended_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = WIFSIGNALED(status) ? Ended{.signal = WTERMSIG(status)} : Ended{.exit_code = WEXITSTATUS(status)};
      break;
    }
    const auto left = until - std::chrono::steady_clock::now();
    if (left.count() <= 0) break;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds{1}));
  }
  return ended_;
}

bool Child::wait_until_stopped(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!ended_ && std::chrono::steady_clock::now() < until) {
    siginfo_t change{};
    const int failed = ::waitid(P_PID, static_cast<id_t>(pid_), &change, WSTOPPED | WNOHANG);
    if (failed == 0 && change.si_pid == pid_) return true;
    static_cast<void>(wait_for(std::chrono::milliseconds{1}));
  }
  return false;
}

void Child::send(int signal) {
  if (!ended_) ::kill(pid_, signal);
}

void Child::kill() { send(SIGKILL); }

}  // namespace millstream::crash
