// Status and Result<T>: how the library reports what the world did wrong. Both are [[nodiscard]]; a message names the
// place, the cause and the next step. Values, safe to copy between threads.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "millstream/core/assert.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

/// What kind of failure a Status carries; callers branch on it, people read the message.
enum class ErrorCode {
  kOk,
  kInvalidArgument,  ///< an option or a graph is wrong; nothing was started
  kInvalidData,      ///< a record, file or message does not have the promised form
  kNotFound,         ///< a file, split or name that must exist does not
  kAlreadyExists,    ///< something that must not exist yet does
  kIo,               ///< the operating system refused a read or write
  kUnavailable,      ///< a peer or resource is away for now; trying again may help
  kCancelled,        ///< the job was cancelled
  kUserFailure,      ///< the user's function threw
  kUnsupported,      ///< asked for something that this build or system does not have
  kInternal,         ///< a bug in Millstream
};

/// The stable lower-case name of a code, for logs ("invalid_argument").
MILLSTREAM_EXPORT std::string_view to_string(ErrorCode code) noexcept;

/// Success, or an error with a code and a message.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(ErrorCode code, std::string message) : code_{code}, message_{std::move(message)} {}

  [[nodiscard]] bool ok() const noexcept { return code_ == ErrorCode::kOk; }
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

  /// The same error with "place: " before its message, to be used while it travels up. What the place ends with and
  /// the message begins with is said once: "split a.csv" and "a.csv:12: bad" are "split a.csv:12: bad".
  [[nodiscard]] MILLSTREAM_EXPORT Status at(std::string_view place) const;
  /// "invalid_data: flights.csv:12: ..."; "ok" for success.
  [[nodiscard]] MILLSTREAM_EXPORT std::string to_string() const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  ErrorCode code_ = ErrorCode::kOk;
  std::string message_;
};

/// A value or the Status that says why there is none. The interface follows std::expected (C++23).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_{std::move(value)} {}  // NOLINT(google-explicit-constructor)
  Result(Status error) : error_{std::move(error)} { MILLSTREAM_ASSERT(!error_.ok()); }
  Result(const Result& other)
    requires std::is_copy_constructible_v<T>
      : error_{other.error_} {
    if (has_value()) std::construct_at(&value_, other.value_);
  }
  Result(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : error_{std::move(other.error_)} {
    if (has_value()) std::construct_at(&value_, std::move(other.value_));
  }
  Result& operator=(Result other) noexcept
    requires std::is_nothrow_move_constructible_v<T>
  {
    std::destroy_at(this);
    std::construct_at(this, std::move(other));
    return *this;
  }
  ~Result() {
    if (has_value()) std::destroy_at(&value_);
  }

  [[nodiscard]] bool has_value() const noexcept { return error_.ok(); }
  explicit operator bool() const noexcept { return has_value(); }
  [[nodiscard]] T& value() & { return checked(); }
  [[nodiscard]] const T& value() const& { return const_cast<Result*>(this)->checked(); }
  [[nodiscard]] T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->checked(); }

  /// Status{} when there is a value.
  [[nodiscard]] Status error() const { return error_; }

 private:
  T& checked() {
    MILLSTREAM_ASSERT(has_value());
    return value_;
  }

  // A union of its own: std::variant costs every program that declares a dataflow a quarter of a second to compile.
  Status error_;
  union {
    T value_;
  };
};

}  // namespace millstream::inline v0
