// The checks of custom sources (see io/source.hpp): a wrong member fails to compile in our words.
#pragma once

#include <concepts>
#include <type_traits>
#include <vector>

#include "millstream/core/member_check.hpp"
#include "millstream/io/source.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class Parameter>
struct EmittedType {
  using Type = void;
};
template <class T>
struct EmittedType<SourceOutput<T>&> {
  using Type = T;
};

template <class Src>
struct RecordTrait {
  using Type = void;
};
template <Checkable Src>
struct RecordTrait<Src> : EmittedType<typename TypeAt<0, poll_member::Parameters<Src>>::Type> {};

}  // namespace detail

/// The records of a source, read from the SourceOutput<T>& of its poll; void where there is no right poll.
template <class Src>
using SourceRecord = typename detail::RecordTrait<std::remove_cvref_t<Src>>::Type;

/// Fails to compile, in words, where Src is no source.
template <class Src>
consteval bool check_source() {
  static_assert(std::is_class_v<Src>,
                "millstream: a source is a struct with a member poll; see millstream/io/source.hpp");
  static_assert(
      !std::is_final_v<Src>,
      "millstream: a source must not be final: whether it has splits, open and so on is found out by deriving "
      "from it");
  static_assert(
      std::copy_constructible<Src>,
      "millstream: a source is copied once for each split and must be copyable: put what copies share, or what "
      "cannot be copied, behind a std::shared_ptr");
  if constexpr (detail::Checkable<Src>) {
    using T = SourceRecord<Src>;
    // Without a type of records poll is wrong whatever it returns.
    using Output = SourceOutput<std::conditional_t<std::is_void_v<T>, char, T>>;
    using Splits = std::vector<Split>;
    MILLSTREAM_REQUIRE_MEMBER(
        Src, poll, "a source's",
        "ms::Poll or ms::Result<ms::Poll> poll(ms::SourceOutput<T>&), with the T of its records",
        (!std::is_void_v<T> && detail::kFits<detail::poll_member, detail::TypeList<Poll, Result<Poll>>, Src, Output&>));
    MILLSTREAM_CHECK_MEMBER(
        Src, splits, "a source's",
        "std::vector<ms::Split> or ms::Result<std::vector<ms::Split>> splits(ms::SourceContext&) const",
        (detail::kFits<detail::splits_member, detail::TypeList<Splits, Result<Splits>>, const Src, SourceContext&>));
    MILLSTREAM_CHECK_MEMBER(Src, open, "a source's", "void or ms::Status open(ms::SplitContext&)",
                            (detail::kFits<detail::open_member, detail::TypeList<void, Status>, Src, SplitContext&>));
    MILLSTREAM_CHECK_MEMBER(Src, position, "a source's", "ms::Position position() const",
                            (detail::kFits<detail::position_member, detail::TypeList<Position>, const Src>));
    MILLSTREAM_CHECK_MEMBER(Src, close, "a source's", "void or ms::Status close()",
                            (detail::kFits<detail::close_member, detail::TypeList<void, Status>, Src>));
    MILLSTREAM_CHECK_MEMBER(Src, on_bad_record, "a source's", "ms::OnError on_bad_record() const",
                            (detail::kFits<detail::on_bad_record_member, detail::TypeList<OnError>, const Src>));
    MILLSTREAM_CHECK_MEMBER(Src, reads_from, "a source's", "std::string reads_from() const",
                            (detail::kFits<detail::reads_from_member, detail::TypeList<std::string>, const Src>));
    MILLSTREAM_CHECK_MEMBER(Src, shared_by, "a source's", "std::uint32_t shared_by() const",
                            (detail::kFits<detail::shared_by_member, detail::TypeList<std::uint32_t>, const Src>));
    MILLSTREAM_CHECK_MEMBER(Src, shared_as, "a source's", "std::uint32_t shared_as() const",
                            (detail::kFits<detail::shared_as_member, detail::TypeList<std::uint32_t>, const Src>));
  }
  return true;
}

}  // namespace millstream::inline v0
