// Described<T>: a struct whose members Millstream can name, because its owner wrote BOOST_DESCRIBE_STRUCT. Here is the
// one place that asks Boost.Describe; everything else in codec iterates members and enumerators through this header.
#pragma once

#include <boost/describe/bases.hpp>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace millstream::inline v0 {

/// T was described with BOOST_DESCRIBE_STRUCT (or _CLASS). Its fields are its public data members in the order of the
/// description, those of described public bases first.
template <class T>
concept Described = std::is_class_v<T> && boost::describe::has_describe_members<T>::value &&
                    boost::describe::has_describe_bases<T>::value;

namespace detail {

template <class List>
struct MemberList;

/// The member descriptors of a struct; each D has `D::name` and `D::pointer`.
template <template <class...> class List, class... D>
struct MemberList<List<D...>> {
  static constexpr std::size_t kCount = sizeof...(D);

  template <class F>
  static constexpr void each(F&& f) {
    (f(D{}), ...);
  }
  /// Stops at the first `false`.
  template <class F>
  static constexpr bool all(F&& f) {
    return (f(D{}) && ...);
  }
};

/// The list of member descriptors of T.
template <class T>
using MemberDescriptors =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;
template <class T>
using Members = MemberList<MemberDescriptors<T>>;

/// The type of the member that D describes, as seen from T.
template <class T, class D>
using MemberType = std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>;

template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

struct EnumName {
  std::string_view name;
  std::int64_t value;  ///< the underlying value; an unsigned 64-bit one keeps its bits
};

template <class List>
struct EnumNames;
template <template <class...> class List, class... D>
struct EnumNames<List<D...>> {
  // One more than needed, so that an enum without enumerators is no array of length zero.
  static constexpr EnumName kNames[sizeof...(D) + 1] = {{D::name, static_cast<std::int64_t>(D::value)}..., {}};
  static constexpr std::span<const EnumName> view() { return {kNames, sizeof...(D)}; }
};

/// The names of E, in the order of the description; empty where E is not described.
template <class E>
constexpr std::span<const EnumName> enum_names() {
  if constexpr (DescribedEnum<E>) {
    return EnumNames<boost::describe::describe_enumerators<E>>::view();
  } else {
    return {};
  }
}

}  // namespace detail
}  // namespace millstream::inline v0
