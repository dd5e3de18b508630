// OperatorStage: what the stages of all operators have in common: side outputs, and what happens to a record for which
// the user's function throws. An exception is caught at the edge of the stage and handled by that stage's policy.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/channel/side_outputs.hpp"
#include "millstream/channel/stage.hpp"
#include "millstream/codec/encode.hpp"
#include "millstream/io/dead_letter.hpp"

namespace millstream::inline v0 {

class MILLSTREAM_EXPORT OperatorStage : public Stage {
 public:
  OperatorStage();
  ~OperatorStage() override;

  void set_on_error(OnError policy) { on_error_ = policy; }
  [[nodiscard]] SideOutputs& side_outputs() noexcept { return sides_; }
  /// The main output; null for a sink.
  [[nodiscard]] virtual OutputBase* output() = 0;
  /// The receiver of input `i`; only merge has more than one.
  [[nodiscard]] virtual Receiver& input([[maybe_unused]] std::uint32_t i) { return *this; }

 protected:
  [[nodiscard]] OnError on_error() const noexcept { return on_error_; }
  /// What the policy says to do with one record.
  void record_failed(std::string_view reason, std::string bytes, const Origin* origin);
  void dead_letter(DeadLetter letter);
  /// The records of the batch have event times, as the stage needs; fails the job where they have none.
  [[nodiscard]] bool has_times(const BatchBase& batch) {
    if (batch.empty() || batch.times.present()) [[likely]]
      return true;
    times_missing();
    return false;
  }
  /// Watermark and control go to the side outputs after the main one.
  void forward_to_sides(const Watermarks& at, Control control, std::int64_t ingested_ns) {
    if (sides_.empty()) return;
    flush_sides();
    sides_.forward(at, control, ingested_ns);
  }
  /// Typed side emissions waiting in buffers of the derived stage.
  virtual void flush_sides() {}

  /// body(i) for i in [from, to); where it throws, the record's policy is applied and failed(i) is called. Ends early
  /// once the job has failed.
  template <class Body, class BytesOf, class Failed>
  void guarded(const BatchBase& batch, std::uint32_t from, std::uint32_t to, Body&& body, BytesOf&& bytes_of,
               Failed&& failed) {
    std::uint32_t i = from;
    while (i < to) {
      try {
        for (; i < to; ++i) body(i);
        return;
      } catch (...) {
        exception_at(batch, i, bytes_of(i));
      }
      failed(i);
      if (context().failed()) return;
      ++i;
    }
  }

  /// f(); what it throws fails the job, for no policy knows which record it was about.
  template <class F>
  void protect(F&& f) {
    try {
      f();
    } catch (...) {
      function_failed();
    }
  }

  /// Fails the job where this is no success.
  void check(const Status& status) {
    if (!status.ok()) context().fail(status.at("stage '" + name() + "'"));
  }
  /// What restore() says of an entry that save() does not give out.
  [[nodiscard]] Status bad_entry(const StateEntry& entry) const;

  SideOutputs sides_;

 private:
  // Both about the exception that is being handled; cold, so they are not inlined into the loops.
  void function_failed();
  /// Applies the policy.
  void exception_at(const BatchBase& batch, std::uint32_t i, std::string bytes);
  void times_missing();

  OnError on_error_ = OnError::kFail;
};

namespace detail {

/// A record as text for a dead letter; empty where its type is not described.
template <class T>
std::string record_text(const T& record) {
  if constexpr (Described<T>) {
    std::string text;
    encode_json(record, text);
    return text;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return record;
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(record);
  } else {
    return {};
  }
}

/// Moves the values at `kept` (ascending) to the front and drops the rest.
template <class T>
[[gnu::noinline]] void keep_values(Batch<T>& batch, const std::uint32_t* kept, std::uint32_t count) {
  T* values = batch.values();
  for (std::uint32_t i = 0; i < count; ++i) {
    if (kept[i] != i) values[i] = std::move(values[kept[i]]);
  }
  batch.truncate(count);
}

/// f(record), with the record moved where nobody will look at it again.
template <class F, class T>
auto apply(F& f, T& record, bool keep) {
  if constexpr (std::is_trivially_copyable_v<T> || !std::is_invocable_v<F&, T&&>) {
    return std::invoke(f, std::as_const(record));
  } else {
    if (keep) return std::invoke(f, std::as_const(record));
    return std::invoke(f, std::move(record));
  }
}

}  // namespace detail

}  // namespace millstream::inline v0
