// key_by: computes each record's key hash once; it travels with the batch, to routing and to the state tables.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "millstream/core/export.hpp"
#include "millstream/core/key_group.hpp"
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

namespace detail {
/// State under such a key would not be found again when the number of instances changes.
[[noreturn]] MILLSTREAM_EXPORT void throw_foreign_partition(std::int32_t partition, const InstanceShare& share);
}  // namespace detail

/// KeyOf is a pointer to a data member or a function of the record.
template <class T, class KeyOf>
using KeyType = typename detail::KeyTypeOf<T, KeyOf>::type;

template <class T, class KeyOf>
class KeyByStage final : public TransformStage<T> {
 public:
  explicit KeyByStage(KeyOf key_of, InstanceShare share = {}) : key_of_{std::move(key_of)}, share_{share} {}

 private:
  using K = KeyType<T, KeyOf>;

  void transform(BatchHandle handle) override {
    BatchOf<T> batch = batch_cast<T>(std::move(handle));
    std::uint64_t* hashes = batch->hashes.enable();
    T* values = batch->values();
    if constexpr (std::is_member_object_pointer_v<KeyOf> && !detail::kIsPartitionKey<K>) {
      if (!batch->empty()) hash_keys<K>(&(values[0].*key_of_), sizeof(T), batch->size(), hashes);
    } else {
      this->forget_failed();
      this->guarded(
          *batch, 0, batch->size(), [&](std::uint32_t i) { hashes[i] = hash_of(values[i]); },
          [&](std::uint32_t i) { return detail::record_text(values[i]); },
          [&](std::uint32_t i) { this->note_failed(i); });
      if (this->any_failed()) {
        const std::vector<std::uint32_t> kept = this->keep_succeeded(*batch);
        detail::keep_values(*batch, kept.data(), static_cast<std::uint32_t>(kept.size()));
      }
    }
    this->emit(std::move(batch));
  }

  std::uint64_t hash_of(const T& value) {
    if constexpr (detail::kIsPartitionKey<K>) {
      const K& key = std::invoke(key_of_, value);
      const auto partition = static_cast<std::uint32_t>(key.partition);
      if (partition >= kKeyGroups || !share_.has(partition)) detail::throw_foreign_partition(key.partition, share_);
      return hash_key<K>(key);
    } else {
      return hash_key<K>(std::invoke(key_of_, value));
    }
  }

  KeyOf key_of_;
  InstanceShare share_;
};

}  // namespace millstream::inline v0
