// How plain user structs (operators, sources, sinks, aggregates) are checked. Whether a type has a member of some name
// is found out without looking at its signature: a class that derives from it and from another class with that name has
// an ambiguous member exactly if the type has one too, be it private, overloaded, a template, inherited or a constant.
// So a member that was meant for us, but is wrong, fails to compile in our words and is never silently left out.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace millstream::inline v0::detail {

/// Members can be looked for: a class that can be derived from.
template <class T>
concept Checkable = std::is_class_v<T> && !std::is_final_v<T>;

template <class... T>
struct TypeList {
  static constexpr std::size_t kCount = sizeof...(T);
};

/// The type at place I, or void where the list ends before.
template <std::size_t I, class List>
struct TypeAt {
  using Type = void;
};
template <class First, class... Rest>
struct TypeAt<0, TypeList<First, Rest...>> {
  using Type = First;
};
template <std::size_t I, class First, class... Rest>
  requires(I > 0)
struct TypeAt<I, TypeList<First, Rest...>> : TypeAt<I - 1, TypeList<Rest...>> {};

/// The parameter types of a pointer to a function or to a member function; an empty list for anything else.
template <class R, class... A>
TypeList<A...> parameters_of(R (*)(A...));
template <class R, class C, class... A>
TypeList<A...> parameters_of(R (C::*)(A...));
template <class R, class C, class... A>
TypeList<A...> parameters_of(R (C::*)(A...) const);
template <class R, class C, class... A>
TypeList<A...> parameters_of(R (C::*)(A...) &);
template <class R, class C, class... A>
TypeList<A...> parameters_of(R (C::*)(A...) const&);
TypeList<> parameters_of(...);

}  // namespace millstream::inline v0::detail

/// Defines detail::NAME_member with
///   kNamed<T>         T has a member NAME of any kind and access
///   kOne<T>           &T::NAME names one thing that we may use: public, not overloaded, not a template
///   Parameters<T>     its parameters, TypeList<> where there are none
///   Result<T, A...>   what t.NAME(a...) returns for an lvalue t; void where kCallable is false
///   kCallable<T, A...>
#define MILLSTREAM_DEFINE_MEMBER(NAME)                                                              \
  namespace millstream::inline v0::detail {                                                         \
  struct NAME##_member {                                                                            \
    struct Named {                                                                                  \
      int NAME;                                                                                     \
    };                                                                                              \
    template <class T>                                                                              \
    struct Probe : T, Named {};                                                                     \
    template <class T>                                                                              \
    static constexpr bool kNamed = !requires { &Probe<T>::NAME; };                                  \
    template <class T>                                                                              \
    static constexpr bool kOne = requires { decltype (&T::NAME)(); };                               \
    template <class T>                                                                              \
    static auto parameters() {                                                                      \
      if constexpr (kOne<T>) {                                                                      \
        return decltype(parameters_of(&T::NAME))();                                                 \
      } else {                                                                                      \
        return TypeList<>();                                                                        \
      }                                                                                             \
    }                                                                                               \
    template <class T>                                                                              \
    using Parameters = decltype(parameters<T>());                                                   \
    template <class T, class... A>                                                                  \
    static constexpr bool kCallable = requires(T& t, A&&... a) { t.NAME(static_cast<A&&>(a)...); }; \
    template <class T, class... A>                                                                  \
    static auto result() {                                                                          \
      if constexpr (kCallable<T, A...>) {                                                           \
        return std::type_identity<decltype(std::declval<T&>().NAME(std::declval<A>()...))>();       \
      } else {                                                                                      \
        return std::type_identity<void>();                                                          \
      }                                                                                             \
    }                                                                                               \
    template <class T, class... A>                                                                  \
    using Result = typename decltype(result<T, A...>())::type;                                      \
  };                                                                                                \
  }                                                                                                 \
  static_assert(true)

// The names that operators, sources, sinks and aggregates may have.
MILLSTREAM_DEFINE_MEMBER(open);
MILLSTREAM_DEFINE_MEMBER(process);
MILLSTREAM_DEFINE_MEMBER(on_timer);
MILLSTREAM_DEFINE_MEMBER(on_watermark);
MILLSTREAM_DEFINE_MEMBER(close);
MILLSTREAM_DEFINE_MEMBER(splits);
MILLSTREAM_DEFINE_MEMBER(poll);
MILLSTREAM_DEFINE_MEMBER(position);
MILLSTREAM_DEFINE_MEMBER(on_bad_record);
MILLSTREAM_DEFINE_MEMBER(reads_from);
MILLSTREAM_DEFINE_MEMBER(shared_by);
MILLSTREAM_DEFINE_MEMBER(shared_as);
MILLSTREAM_DEFINE_MEMBER(write);
MILLSTREAM_DEFINE_MEMBER(flush);
MILLSTREAM_DEFINE_MEMBER(prepare);
MILLSTREAM_DEFINE_MEMBER(commit);
MILLSTREAM_DEFINE_MEMBER(recover);
MILLSTREAM_DEFINE_MEMBER(drain);
MILLSTREAM_DEFINE_MEMBER(make_decider);
MILLSTREAM_DEFINE_MEMBER(decide_by);
MILLSTREAM_DEFINE_MEMBER(merge);

namespace millstream::inline v0::detail {

/// T::NAME(A...) can be called and returns one of Results.
template <class Member, class Results, class T, class... A>
inline constexpr bool kFits = false;
template <class Member, class... Results, class T, class... A>
inline constexpr bool kFits<Member, TypeList<Results...>, T, A...> =
    Member::template kCallable<T, A...> && (std::is_same_v<typename Member::template Result<T, A...>, Results> || ...);

}  // namespace millstream::inline v0::detail

/// Checks the optional member NAME of TYPE, a Checkable class. WHO ("an operator's"), SIGNATURE: for the message. FITS:
/// it can be called as it will be.
#define MILLSTREAM_CHECK_MEMBER(TYPE, NAME, WHO, SIGNATURE, FITS)                    \
  static_assert(!::millstream::detail::NAME##_member::template kNamed<TYPE> ||       \
                    ::millstream::detail::NAME##_member::template kOne<TYPE>,        \
                "millstream: " WHO " member " #NAME                                  \
                " is private, overloaded or a template; it must be one public "      \
                "function " SIGNATURE);                                              \
  static_assert(!::millstream::detail::NAME##_member::template kOne<TYPE> || (FITS), \
                "millstream: " WHO " member " #NAME " has the wrong type; it must be " SIGNATURE)

/// As MILLSTREAM_CHECK_MEMBER, for a member that must be there.
#define MILLSTREAM_REQUIRE_MEMBER(TYPE, NAME, WHO, SIGNATURE, FITS)                          \
  static_assert(::millstream::detail::NAME##_member::template kNamed<TYPE>,                  \
                "millstream: " WHO " member " #NAME " is missing; it must have " SIGNATURE); \
  MILLSTREAM_CHECK_MEMBER(TYPE, NAME, WHO, SIGNATURE, FITS)
