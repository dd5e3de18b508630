// key_by: computes each record's key hash once; it travels with the batch, to routing and to the state tables.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "millstream/operators/transform_stage.hpp"
#include "millstream/state/key_hash.hpp"

namespace millstream::inline v0 {

namespace detail {
// In a class of its own, for it stands in the type that key_by returns: there a wrong function would only say that no
// key_by fits.
template <class T, class KeyOf, bool = std::is_invocable_v<KeyOf&, const T&>>
struct KeyTypeOf {
  static_assert(std::is_invocable_v<KeyOf&, const T&>,
                "millstream: key_by(f) needs a pointer to a member or a function of const Record&");
  using type = int;
};
template <class T, class KeyOf>
struct KeyTypeOf<T, KeyOf, true> {
  using type = std::remove_cvref_t<std::invoke_result_t<KeyOf&, const T&>>;
};
}  // namespace detail

/// KeyOf is a pointer to a data member or a function of the record.
template <class T, class KeyOf>
using KeyType = typename detail::KeyTypeOf<T, KeyOf>::type;

template <class T, class KeyOf>
class KeyByStage final : public TransformStage<T> {
 public:
  explicit KeyByStage(KeyOf key_of) : key_of_{std::move(key_of)} {}

 private:
  using K = KeyType<T, KeyOf>;

  void transform(BatchHandle handle) override {
    BatchOf<T> batch = batch_cast<T>(std::move(handle));
    std::uint64_t* hashes = batch->hashes.enable();
    T* values = batch->values();
    if constexpr (std::is_member_object_pointer_v<KeyOf>) {
      if (!batch->empty()) hash_keys<K>(&(values[0].*key_of_), sizeof(T), batch->size(), hashes);
    } else {
      this->forget_failed();
      this->guarded(
          *batch, 0, batch->size(),
          [&](std::uint32_t i) { hashes[i] = hash_key<K>(std::invoke(key_of_, std::as_const(values[i]))); },
          [&](std::uint32_t i) { return detail::record_text(values[i]); },
          [&](std::uint32_t i) { this->note_failed(i); });
      if (this->any_failed()) {
        const std::vector<std::uint32_t> kept = this->keep_succeeded(*batch);
        detail::keep_values(*batch, kept.data(), static_cast<std::uint32_t>(kept.size()));
      }
    }
    this->emit(std::move(batch));
  }

  KeyOf key_of_;
};

}  // namespace millstream::inline v0
