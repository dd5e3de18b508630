// The checks of custom operators: which members they have, what they give out, and, where something is wrong, a
// message in our words at the call of process(...).
#pragma once

#include <concepts>
#include <type_traits>

#include "millstream/core/member_check.hpp"
#include "millstream/core/status.hpp"
#include "millstream/operators/collector.hpp"
#include "millstream/operators/operator_context.hpp"

namespace millstream::inline v0 {
namespace detail {

template <class Parameter>
struct CollectedType {
  using Type = void;
};
template <class Out>
struct CollectedType<Collector<Out>&> {
  using Type = Out;
};

/// What an operator without a right process gives out, so that there is one error and not a hundred.
struct NoOutput {};

template <class Op>
struct OutputTrait {
  using Type = NoOutput;
};
template <Checkable Op>
struct OutputTrait<Op> {
  using Found = typename CollectedType<typename TypeAt<1, process_member::Parameters<Op>>::Type>::Type;
  using Type = std::conditional_t<std::is_void_v<Found>, NoOutput, Found>;
};

/// The member may be called with these arguments, or with the context behind them, and returns nothing.
template <class Member, class Op, class... A>
inline constexpr bool kFitsWithContext =
    kFits<Member, TypeList<void>, Op, A...> || kFits<Member, TypeList<void>, Op, A..., OperatorContext&>;

}  // namespace detail

/// The records that an operator gives out, read from the Collector<Out>& of its process.
template <class Op>
using OperatorOutput = typename detail::OutputTrait<std::remove_cvref_t<Op>>::Type;

/// process(x): x makes operators (one for each shard) and is none itself.
template <class F>
inline constexpr bool kMakesOperator = false;
template <class F>
  requires(std::is_invocable_v<const F&> && std::is_class_v<std::invoke_result_t<const F&>>)
inline constexpr bool kMakesOperator<F> = [] {
  if constexpr (detail::Checkable<F>) {
    return !detail::process_member::kNamed<F>;
  } else {
    return true;
  }
}();

/// Fails to compile, in words, where Op is no operator for records of type In. `kKeyed`: it stands behind a key_by.
template <class Op, class In, bool kKeyed>
consteval bool check_operator() {
  static_assert(std::is_class_v<Op>,
                "millstream: an operator is a struct with a member process; for a function write "
                "process<Out>(f)");
  static_assert(!std::is_final_v<Op>,
                "millstream: an operator must not be final: whether it has open, on_timer and so on is found out by "
                "deriving from it");
  if constexpr (detail::Checkable<Op>) {
    using Out = OperatorOutput<Op>;
    MILLSTREAM_REQUIRE_MEMBER(
        Op, process, "an operator's",
        "void process(const In&, ms::Collector<Out>&) or void process(const In&, ms::Collector<Out>&, "
        "ms::OperatorContext&), with the In of the stream; for a generic lambda write process<Out>(f)",
        (detail::kFitsWithContext<detail::process_member, Op, const In&, Collector<Out>&>));
    MILLSTREAM_CHECK_MEMBER(Op, open, "an operator's", "void or ms::Status open(ms::OperatorContext&)",
                            (detail::kFits<detail::open_member, detail::TypeList<void, Status>, Op, OperatorContext&>));
    MILLSTREAM_CHECK_MEMBER(Op, on_timer, "an operator's",
                            "void on_timer(const ms::Timer&, ms::Collector<Out>&) or with a third parameter "
                            "ms::OperatorContext&, with the Out of process",
                            (detail::kFitsWithContext<detail::on_timer_member, Op, const Timer&, Collector<Out>&>));
    MILLSTREAM_CHECK_MEMBER(
        Op, on_watermark, "an operator's",
        "void on_watermark(ms::Timestamp, ms::Collector<Out>&), with the Out of process",
        (detail::kFits<detail::on_watermark_member, detail::TypeList<void>, Op, Timestamp, Collector<Out>&>));
    MILLSTREAM_CHECK_MEMBER(Op, close, "an operator's",
                            "void close() or void close(ms::Collector<Out>&), with the Out of process",
                            (detail::kFits<detail::close_member, detail::TypeList<void>, Op> ||
                             detail::kFits<detail::close_member, detail::TypeList<void>, Op, Collector<Out>&>));
    static_assert(
        kKeyed || !detail::on_timer_member::kNamed<Op>,
        "millstream: an operator with on_timer must be keyed, for timers belong to keys: put key_by(...) before "
        "process(...)");
  }
  return true;
}

/// Fails to compile, in words, where an operator that is given as a prototype cannot be copied.
template <class Op>
consteval bool check_prototype() {
  static_assert(std::copy_constructible<Op>,
                "millstream: an operator is copied once for each shard; for one that cannot be copied pass a function "
                "that makes it: process([] { return Op{...}; })");
  return true;
}

}  // namespace millstream::inline v0
