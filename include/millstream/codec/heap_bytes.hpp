// heap_bytes: how much memory a value owns beside its own sizeof, so that queues are bounded in bytes and not only in
// records. Strings, containers, optionals, variants, tuples and described structs are walked; a type of one's own may
// say it itself with a member `std::size_t heap_bytes() const`. What is none of these counts as owning nothing.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>

#include "millstream/codec/described.hpp"
#include "millstream/codec/type_kind.hpp"

namespace millstream::inline v0 {
namespace detail {

/// What the links of a list's or a tree's node take beside its element, and the allocator with them.
inline constexpr std::size_t kNodeBytes = 32;

template <class T>
concept TellsHeapBytes = requires(const T& value) {
  { value.heap_bytes() } -> std::convertible_to<std::size_t>;
};
template <class T>
concept AnyContainer = MapContainer<T> || SetContainer<T> || SequenceContainer<T>;

template <class T, class... Path>
consteval bool owns_heap();

template <class List>
struct AnyOwnsHeap;
template <template <class...> class List, class... T>
struct AnyOwnsHeap<List<T...>> {
  template <class... Path>
  static consteval bool value() {
    return (owns_heap<std::remove_cv_t<T>, Path...>() || ...);
  }
};

// `Path` holds the structs being looked at: one that contains itself does so through a container.
template <class T, class... Path>
consteval bool owns_heap() {
  if constexpr ((std::same_as<T, Path> || ...) || std::is_trivially_copyable_v<T>) {
    return false;
  } else if constexpr (TellsHeapBytes<T> || std::same_as<T, std::string>) {
    return true;
  } else if constexpr (Described<T>) {
    return !Members<T>::all([](auto d) { return !owns_heap<MemberType<T, decltype(d)>, T, Path...>(); });
  } else if constexpr (kIsTuple<T> || kIsVariant<T>) {
    return AnyOwnsHeap<T>::template value<Path...>();
  } else if constexpr (kIsOptional<T> || kIsArray<T>) {
    return owns_heap<typename T::value_type, Path...>();
  } else {
    return AnyContainer<T>;
  }
}

}  // namespace detail

/// Values of T can own memory that sizeof does not show.
template <class T>
inline constexpr bool kOwnsHeap = detail::owns_heap<T>();

/// Bytes that `value` owns on the heap, about; constant 0 where kOwnsHeap<T> is false.
template <class T>
constexpr std::size_t heap_bytes(const T& value) {
  if constexpr (!kOwnsHeap<T>) {
    return 0;
  } else if constexpr (detail::TellsHeapBytes<T>) {
    return value.heap_bytes();
  } else if constexpr (std::same_as<T, std::string>) {
    const std::size_t inside = std::string{}.capacity();
    return value.capacity() > inside ? value.capacity() + 1 : 0;
  } else if constexpr (Described<T>) {
    std::size_t sum = 0;
    detail::Members<T>::each([&](auto d) { sum += heap_bytes(value.*decltype(d)::pointer); });
    return sum;
  } else if constexpr (detail::kIsTuple<T>) {
    return std::apply([](const auto&... part) { return (heap_bytes(part) + ... + 0); }, value);
  } else if constexpr (detail::kIsVariant<T>) {
    if (value.valueless_by_exception()) return 0;
    return std::visit([](const auto& held) { return heap_bytes(held); }, value);
  } else if constexpr (detail::kIsOptional<T>) {
    return value ? heap_bytes(*value) : 0;
  } else {
    using Element = typename T::value_type;
    std::size_t sum = 0;
    if constexpr (requires { value.capacity(); }) {
      sum = value.capacity() * sizeof(Element);
    } else if constexpr (!detail::kIsArray<T>) {
      sum = value.size() * (sizeof(Element) + detail::kNodeBytes);
    }
    if constexpr (kOwnsHeap<Element>) {
      for (const auto& element : value) sum += heap_bytes(element);
    }
    return sum;
  }
}

}  // namespace millstream::inline v0
