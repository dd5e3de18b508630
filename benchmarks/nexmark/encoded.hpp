// Events as bytes, so that every system can read the same ones and each has to make its own records of them: views of
// the bytes, which stay where they are as long as anything runs that reads them. An event
// is a byte that says which kind it is (0 person, 1 auction, 2 bid), and its fields in the order of event.hpp: numbers
// and times (microseconds since 1970) as 8 bytes, text as 2 bytes of length and so many of text; little endian.
#pragma once

#include <bit>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "nexmark/event.hpp"

namespace nexmark {

namespace detail {

static_assert(std::endian::native == std::endian::little);

template <class T>
concept Text = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;

template <class Struct, class F>
void each_field(Struct& value, F&& f) {
  using Plain = std::remove_const_t<Struct>;
  boost::mp11::mp_for_each<boost::describe::describe_members<Plain, boost::describe::mod_public>>(
      [&](auto member) { f(value.*member.pointer); });
}

}  // namespace detail

inline void encode_event(const Event& event, std::string& out) {
  out.push_back(static_cast<char>(event.index()));
  std::visit(
      [&](const auto& value) {
        detail::each_field(value, [&](const auto& field) {
          if constexpr (detail::Text<std::remove_cvref_t<decltype(field)>>) {
            const auto size = static_cast<std::uint16_t>(field.size());
            out.append(reinterpret_cast<const char*>(&size), sizeof size);
            out.append(field);
          } else {
            static_assert(sizeof field == 8);
            out.append(reinterpret_cast<const char*>(&field), sizeof field);
          }
        });
      },
      event);
}

/// Reads what encode_event() wrote; trusts it.
class EventReader {
 public:
  explicit EventReader(std::span<const char> bytes, std::size_t at = 0) : bytes_{bytes}, at_{at} {}

  [[nodiscard]] bool done() const { return at_ >= bytes_.size(); }
  /// Where the next event begins.
  [[nodiscard]] std::size_t position() const { return at_; }

  [[nodiscard]] EventView next() {
    ask_ahead();
    switch (bytes_[at_++]) {
      case 0:
        return EventView{std::in_place_type<PersonView>, read<PersonView>()};
      case 1:
        return EventView{std::in_place_type<AuctionView>, read<AuctionView>()};
      default:
        return EventView{std::in_place_type<BidView>, read<BidView>()};
    }
  }
  /// Skips to the next bid. False at the end.
  bool next_bid(BidView& bid) {
    while (!done()) {
      ask_ahead();
      switch (bytes_[at_++]) {
        case 0:
          skip<PersonView>();
          break;
        case 1:
          skip<AuctionView>();
          break;
        default:
          bid = read<BidView>();
          return true;
      }
    }
    return false;
  }

 private:
  // Each event says where the next one begins, so a look at memory would wait for the one before it.
  void ask_ahead() const {
    for (std::size_t line = 0; line < kAheadLines; ++line) __builtin_prefetch(bytes_.data() + at_ + kAhead + 64 * line);
  }

  template <class Struct>
  Struct read() {
    Struct value;
    detail::each_field(value, [&](auto& field) { take(field); });
    return value;
  }
  template <class Struct>
  void skip() {
    boost::mp11::mp_for_each<boost::describe::describe_members<Struct, boost::describe::mod_public>>([&](auto member) {
      if constexpr (detail::Text<std::remove_cvref_t<decltype(Struct{}.*member.pointer)>>) {
        at_ += text_size();
      } else {
        at_ += 8;
      }
    });
  }
  void take(std::string_view& text) {
    const std::size_t size = text_size();
    text = {bytes_.data() + at_, size};
    at_ += size;
  }
  template <class Number>
  void take(Number& number) {
    std::memcpy(&number, bytes_.data() + at_, sizeof number);
    at_ += sizeof number;
  }
  std::size_t text_size() {
    std::uint16_t size = 0;
    take(size);
    return size;
  }

  static constexpr std::size_t kAhead = 4096;    // bytes: twenty events
  static constexpr std::size_t kAheadLines = 4;  // so many has an event

  std::span<const char> bytes_;
  std::size_t at_;
};

}  // namespace nexmark
