// The checks of custom sinks (see io/sink.hpp): a wrong member fails to compile in our words.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "millstream/core/member_check.hpp"
#include "millstream/io/decider.hpp"
#include "millstream/io/sink.hpp"

namespace millstream::inline v0 {

namespace detail {

/// A std::shared_ptr of something that is a Decider.
template <class P>
inline constexpr bool kSharesDecider = false;
template <class D>
inline constexpr bool kSharesDecider<std::shared_ptr<D>> = std::is_base_of_v<Decider, D>;

}  // namespace detail

/// Fails to compile, in words, where Snk is no sink for records of type T.
template <class Snk, class T>
consteval bool check_sink() {
  static_assert(std::is_class_v<Snk>, "millstream: a sink is a struct with a member write; see millstream/io/sink.hpp");
  static_assert(
      !std::is_final_v<Snk>,
      "millstream: a sink must not be final: whether it has open, flush and so on is found out by deriving from "
      "it");
  static_assert(std::copy_constructible<Snk>,
                "millstream: a sink is copied once for each shard and must be copyable: put what copies share, or what "
                "cannot be copied, behind a std::shared_ptr");
  if constexpr (detail::Checkable<Snk>) {
    using Done = detail::TypeList<void, Status>;
    MILLSTREAM_REQUIRE_MEMBER(
        Snk, write, "a sink's",
        "void or ms::Status write(const T&), or std::size_t or ms::Result<std::size_t> write(std::span<T>), with the T "
        "of "
        "the stream",
        (detail::kFits<detail::write_member, Done, Snk, const T&> ||
         detail::kFits<detail::write_member, detail::TypeList<std::size_t, Result<std::size_t>>, Snk, std::span<T>>));
    MILLSTREAM_CHECK_MEMBER(Snk, open, "a sink's", "void or ms::Status open(ms::SinkContext&)",
                            (detail::kFits<detail::open_member, Done, Snk, SinkContext&>));
    MILLSTREAM_CHECK_MEMBER(Snk, flush, "a sink's", "void or ms::Status flush()",
                            (detail::kFits<detail::flush_member, Done, Snk>));
    MILLSTREAM_CHECK_MEMBER(Snk, close, "a sink's", "void or ms::Status close(ms::SinkEnd)",
                            (detail::kFits<detail::close_member, Done, Snk, SinkEnd>));
    MILLSTREAM_CHECK_MEMBER(
        Snk, prepare, "a sink's", "std::string or ms::Result<std::string> prepare()",
        (detail::kFits<detail::prepare_member, detail::TypeList<std::string, Result<std::string>>, Snk>));
    MILLSTREAM_CHECK_MEMBER(Snk, commit, "a sink's", "void or ms::Status commit(const std::string&)",
                            (detail::kFits<detail::commit_member, Done, Snk, const std::string&>));
    using Handles = std::span<const std::string>;
    MILLSTREAM_CHECK_MEMBER(
        Snk, recover, "a sink's",
        "void or ms::Status recover(ms::SinkContext&, std::span<const std::string>, std::span<const std::string>)",
        (detail::kFits<detail::recover_member, Done, Snk, SinkContext&, Handles, Handles>));
    static_assert(detail::prepare_member::kNamed<Snk> == detail::commit_member::kNamed<Snk>,
                  "millstream: a sink has both prepare and commit, or neither: commit makes visible what prepare made "
                  "durable");
    MILLSTREAM_CHECK_MEMBER(Snk, drain, "a sink's", "bool or ms::Result<bool> drain()",
                            (detail::kFits<detail::drain_member, detail::TypeList<bool, Result<bool>>, Snk>));
    MILLSTREAM_CHECK_MEMBER(Snk, make_decider, "a sink's",
                            "std::shared_ptr<D> make_decider() const, with a D that derives from ms::Decider",
                            (detail::kSharesDecider<detail::make_decider_member::Result<const Snk>>));
    static_assert(detail::make_decider_member::kNamed<Snk> == detail::decide_by_member::kNamed<Snk>,
                  "millstream: a sink has both make_decider and decide_by, or neither: decide_by tells each copy which "
                  "decider it works with");
    if constexpr (detail::make_decider_member::kNamed<Snk>) {
      MILLSTREAM_CHECK_MEMBER(Snk, decide_by, "a sink's",
                              "void decide_by(std::shared_ptr<D>), with the D of its make_decider",
                              (detail::kFits<detail::decide_by_member, detail::TypeList<void>, Snk,
                                             detail::make_decider_member::Result<const Snk>>));
      static_assert(detail::prepare_member::kNamed<Snk>,
                    "millstream: a sink that decides has prepare and commit, too: prepare names who will commit");
    }
  }
  return true;
}

}  // namespace millstream::inline v0
