// What is thrown where state is used in a place where it cannot be.
#include "millstream/state/key_space.hpp"

#include <stdexcept>

namespace millstream::inline v0::detail {

void no_current_key() {
  throw std::logic_error{
      "keyed state or a timer was used without a current key: they can be used in process and on_timer, not in open, "
      "on_watermark or close"};
}

void unmade_handle() {
  throw std::logic_error{
      "a state or timer handle was used that no context has made: ask for it in open, "
      "state = context.value_state<V>(\"name\")"};
}

}  // namespace millstream::inline v0::detail
