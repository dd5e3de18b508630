// guarded_call: runs the user's code and turns an exception into a Status.
#pragma once

#include <exception>
#include <string>

#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

/// f(), which returns a Status; kUserFailure where it throws.
template <class F>
Status guarded_call(F&& f) {
  try {
    return f();
  } catch (const std::exception& error) {
    return {ErrorCode::kUserFailure, std::string{"threw: "} + error.what()};
  } catch (...) {
    return {ErrorCode::kUserFailure, "threw an exception that is not a std::exception"};
  }
}

}  // namespace millstream::inline v0
