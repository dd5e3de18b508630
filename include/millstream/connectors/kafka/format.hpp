// How values stand in messages: JSON, CSV, raw bytes, or as the user's own Serde says.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "millstream/codec/csv_fit.hpp"
#include "millstream/codec/decode.hpp"
#include "millstream/codec/described.hpp"
#include "millstream/codec/encode.hpp"
#include "millstream/connectors/kafka/message_view.hpp"
#include "millstream/io/dead_letter.hpp"

namespace millstream::inline v0::kafka {

enum class Format {
  kAuto,  ///< Serde<T> where there is one, else kRaw for std::string and for dead letters that are written, else kJson
  kJson,  ///< one JSON value a message
  kCsv,   ///< one RFC 4180 row a message, its fields in the order of T's description; no header row
  kRaw,   ///< the bytes as they are; T is std::string, or DeadLetter in a sink: see kafka/dead_letter.hpp
};

/// Specialise it to give T a form of your own:
///   template <> struct millstream::kafka::Serde<Order> {
///     static bool decode(std::string_view bytes, Order& order, std::string& reason);  // sources; on false: the reason
///     static void encode(const Order& order, std::string& bytes);                     // sinks; appends
///   };
/// Both run on the shard's thread and may not keep the bytes.
template <class T>
struct Serde {};

namespace detail {

namespace codec_detail = ::millstream::detail;
using codec_detail::kFitsCsv;

template <class T>
concept SerdeDecodes = requires(std::string_view bytes, T& value, std::string& reason) {
  { Serde<T>::decode(bytes, value, reason) } -> std::same_as<bool>;
};
template <class T>
concept SerdeEncodes = requires(const T& value, std::string& bytes) { Serde<T>::encode(value, bytes); };

template <class T>
constexpr Format default_format() {
  return std::same_as<T, std::string> ? Format::kRaw : Format::kJson;
}

/// What a format needs of T that T does not have, or null. `own`: T has the Serde that is needed.
[[nodiscard]] constexpr const char* format_mistake(Format format, bool own, bool fits_csv, bool has_bytes) {
  if (own) {
    return format == Format::kAuto ? nullptr
                                   : "the type has a Serde of its own, which is its format: leave .format out";
  }
  if (format == Format::kCsv && !fits_csv) return codec_detail::kNoCsv;
  if (format == Format::kRaw && !has_bytes) return "Format::kRaw needs std::string as the type of the values";
  return nullptr;
}

/// Cuts one CSV row out of each message. For one thread.
class RowCutter {
 public:
  /// Null, with `error`, where the bytes are not exactly one row.
  [[nodiscard]] const CsvRow* cut(std::string_view bytes, DecodeError& error) {
    reader_.feed(bytes);
    if (!bytes.ends_with('\n')) reader_.feed("\n");
    if (!reader_.next(row_)) {
      reader_.finish();  // only then it says that a quote was not closed
      if (!reader_.next(row_)) return refuse(error, "expected one CSV row, found an empty message");
    }
    if (!row_.ok()) {
      error.column = row_.error_column;
      return refuse(error, row_.error);
    }
    if (reader_.pending_bytes() > 0) return refuse(error, "expected one CSV row, found more behind it");
    return &row_;
  }

 private:
  // Nothing of a bad message may be taken for a part of the next one.
  const CsvRow* refuse(DecodeError& error, std::string reason) {
    error.reason = std::move(reason);
    reader_ = CsvReader{};
    return nullptr;
  }
  CsvReader reader_;
  CsvRow row_;
};

/// Values out of messages. For one thread; a copy starts with buffers of its own.
template <class T>
class ValueDecoder {
 public:
  explicit ValueDecoder(Format format) : format_{format == Format::kAuto ? default_format<T>() : format} {
    if constexpr (kFitsCsv<T>) {
      std::vector<std::string> names;
      codec_detail::Members<T>::each([&](auto d) { names.emplace_back(decltype(d)::name); });
      static_cast<void>(csv_.bind(names));  // its own names always fit
    }
  }
  /// Null where T fits the format.
  [[nodiscard]] static constexpr const char* mistake(Format format) {
    return format_mistake(format, SerdeDecodes<T>, kFitsCsv<T>, std::same_as<T, std::string>);
  }
  /// False: `error` says why.
  [[nodiscard]] bool decode(const MessageView& message, T& value, DecodeError& error) {
    if (!message.has_value) {
      error.reason = "the message has no value (a tombstone): read std::optional values to take it for an empty one";
      return false;
    }
    if constexpr (SerdeDecodes<T>) {
      return Serde<T>::decode(message.value, value, error.reason);
    } else {
      if constexpr (std::same_as<T, std::string>) {
        if (format_ == Format::kRaw) {
          value.assign(message.value);
          return true;
        }
      }
      if constexpr (kFitsCsv<T>) {
        if (format_ == Format::kCsv) {
          const CsvRow* row = rows_.cut(message.value, error);
          return row != nullptr && csv_.decode(*row, value, error);
        }
      }
      return json_.decode(message.value, value, error);
    }
  }

 private:
  struct Nothing {};
  Format format_;
  [[no_unique_address]] std::conditional_t<SerdeDecodes<T>, Nothing, JsonDecoder<T>> json_;
  [[no_unique_address]] std::conditional_t<kFitsCsv<T>, CsvDecoder<T>, Nothing> csv_;
  RowCutter rows_;
};

/// A message without value is an empty optional.
template <class T>
class ValueDecoder<std::optional<T>> {
 public:
  explicit ValueDecoder(Format format) : held_{format} {}
  [[nodiscard]] static constexpr const char* mistake(Format format) { return ValueDecoder<T>::mistake(format); }
  [[nodiscard]] bool decode(const MessageView& message, std::optional<T>& value, DecodeError& error) {
    if (message.has_value) return held_.decode(message, value.emplace(), error);
    value.reset();
    return true;
  }

 private:
  ValueDecoder<T> held_;
};

/// Values into messages. Stateless, for any thread.
template <class T>
class ValueEncoder {
 public:
  explicit ValueEncoder(Format format) : format_{format} {
    if (format == Format::kAuto) format_ = kIsLetter ? Format::kRaw : default_format<T>();
  }
  [[nodiscard]] static constexpr const char* mistake(Format format) {
    return format_mistake(format, SerdeEncodes<T>, kFitsCsv<T>, kIsLetter || std::same_as<T, std::string>);
  }
  /// A letter becomes the message again that it is about.
  [[nodiscard]] bool restores_letters() const noexcept { return kIsLetter && format_ == Format::kRaw; }
  /// Appends. False: the message has no value.
  [[nodiscard]] bool encode(const T& value, std::string& bytes) const {
    if constexpr (SerdeEncodes<T>) {
      Serde<T>::encode(value, bytes);
    } else {
      if constexpr (std::same_as<T, std::string>) {
        if (format_ == Format::kRaw) {
          bytes.append(value);
          return true;
        }
      }
      if constexpr (kIsLetter) {
        if (format_ == Format::kRaw) {
          bytes.append(value.bytes);
          return !value.message || value.message->has_value;
        }
      }
      if constexpr (kFitsCsv<T>) {
        if (format_ == Format::kCsv) {
          CsvEncoder<T>::row(value, bytes);
          bytes.pop_back();  // a message needs no line ending
          return true;
        }
      }
      encode_json(value, bytes);
    }
    return true;
  }

 private:
  static constexpr bool kIsLetter = std::same_as<T, DeadLetter> && !SerdeEncodes<T>;
  Format format_;
};

/// An empty optional is a message without value.
template <class T>
class ValueEncoder<std::optional<T>> {
 public:
  explicit ValueEncoder(Format format) : held_{format} {}
  [[nodiscard]] static constexpr const char* mistake(Format format) { return ValueEncoder<T>::mistake(format); }
  [[nodiscard]] bool encode(const std::optional<T>& value, std::string& bytes) const {
    return value.has_value() && held_.encode(*value, bytes);
  }

 private:
  ValueEncoder<T> held_;
};

}  // namespace detail
}  // namespace millstream::inline v0::kafka
