// The default log hook: spdlog to stderr, through a logger of its own, so that the program's loggers stay as they are.
#include "millstream/core/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace millstream::inline v0 {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

LogHook stderr_log(LogLevel minimum) {
  auto logger = std::make_shared<spdlog::logger>("millstream", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_level(level_of(minimum));
  return [logger](LogLevel level, std::string_view message) {
    logger->log(level_of(level), "{}", fmt::string_view{message.data(), message.size()});
  };
}

}  // namespace millstream::inline v0
