// Migration<Now>: how a value of a type that an earlier program saved becomes one of the type that stands in its place.
// Fields that were added to a described struct, removed from it or put in another order need none; everything else
// does. Specialise it next to the type, before a graph uses that:
//
//   struct AccountBefore { std::string owner; std::int32_t cents; };       // as it was, to the letter
//   BOOST_DESCRIBE_STRUCT(AccountBefore, (), (owner, cents))
//   struct Account { std::string owner; double dollars = 0; };
//   BOOST_DESCRIBE_STRUCT(Account, (), (owner, dollars))
//
//   template <>
//   struct millstream::Migration<Account> {
//     using From = AccountBefore;
//     static Account migrate(AccountBefore before) { return {before.owner, before.cents / 100.0}; }
//   };
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "millstream/codec/codec.hpp"

namespace millstream::inline v0 {

/// What a specialisation has: `From`, a type with a codec that may have a Migration of its own, and `migrate`. A saved
/// value is read as the version of this chain from which it differs in the fewest fields, the newest of several; then
/// each migrate of the way to Now is called. It works wherever Now stands in a state's value: in fields, containers and
/// accumulators, yet not in keys. migrate runs while a job starts, on the threads of several shards at once; where it
/// throws, the job does not start, and its state is as it was.
template <class Now>
struct Migration {
  using None = void;  ///< marks that there is none; a specialisation does not have it
};

namespace detail {

template <class Now>
concept Migrates = requires(typename Migration<Now>::From before) {
  { Migration<Now>::migrate(std::move(before)) } -> std::same_as<Now>;
};

template <class Now>
consteval bool has_migration() {
  if constexpr (requires { typename Migration<Now>::None; }) {
    return false;
  } else {
    static_assert(Migrates<Now>,
                  "millstream: a Migration<Now> needs a type From and a public static member Now migrate(From)");
    if constexpr (Migrates<Now>) {
      static_assert(!std::same_as<Now, typename Migration<Now>::From>,
                    "millstream: a Migration<Now> begins with another type: its From must not be Now");
      static_assert(HasCodec<typename Migration<Now>::From>,
                    "millstream: the From of a Migration needs a codec: describe it with BOOST_DESCRIBE_STRUCT or "
                    "specialise millstream::Codec for it");
    }
    return Migrates<Now>;
  }
}

}  // namespace detail

/// There is a way from an earlier type to this one.
template <class Now>
concept HasMigration = detail::has_migration<Now>();

}  // namespace millstream::inline v0
