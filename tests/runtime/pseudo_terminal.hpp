// A terminal of a stated size whose other end the test reads. (Linux.)
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <string>

namespace millstream::test {

class PseudoTerminal {
 public:
  PseudoTerminal(unsigned short columns, unsigned short rows) : ours_{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)} {
    EXPECT_GE(ours_, 0);
    EXPECT_EQ(::grantpt(ours_), 0);
    EXPECT_EQ(::unlockpt(ours_), 0);
    terminal_ = ::open(::ptsname(ours_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    EXPECT_GE(terminal_, 0);
    winsize size{};
    size.ws_col = columns;
    size.ws_row = rows;
    EXPECT_EQ(::ioctl(terminal_, TIOCSWINSZ, &size), 0);
  }
  ~PseudoTerminal() {
    close_terminal();
    ::close(ours_);
  }
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;

  /// What a program writes to.
  [[nodiscard]] int terminal() const noexcept { return terminal_; }
  /// Everything that is written until nobody has it open any more.
  [[nodiscard]] std::string read_to_end() {
    close_terminal();
    std::string text;
    char buffer[4096];
    // Its end is an error on Linux.
    for (ssize_t n = 0; (n = ::read(ours_, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(n));
    }
    return text;
  }

 private:
  void close_terminal() {
    if (terminal_ >= 0) ::close(terminal_);
    terminal_ = -1;
  }
  int ours_;
  int terminal_ = -1;
};

}  // namespace millstream::test
