// make_unique_as: std::make_unique for an object that is known by its base from the start. A std::unique_ptr to each of
// many types of one base is some thirty functions a type for the compiler.
#pragma once

#include <memory>
#include <utility>

namespace millstream::inline v0 {

template <class Base, class T, class... Args>
[[nodiscard]] std::unique_ptr<Base> make_unique_as(Args&&... args) {
  return std::unique_ptr<Base>{new T(std::forward<Args>(args)...)};
}

}  // namespace millstream::inline v0
