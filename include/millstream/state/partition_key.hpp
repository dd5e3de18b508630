// PartitionKey: a key together with the partition of the input that its records are in. State by such keys goes with
// the partition: the number of processes that share the input may change (docs/connectors/kafka.md, "Several
// processes").
//
//   payments.key_by([](const PaymentMessage& m) { return ms::PartitionKey{m.value.card, m.partition}; })
#pragma once

#include <boost/describe/class.hpp>
#include <cstdint>

#include "millstream/core/key_group.hpp"

namespace millstream::inline v0 {

template <class K>
struct PartitionKey {
  K key{};
  /// That the record was read from, 0 to 1,023. Topics that are read together are keyed alike, so their partitions of
  /// one number have the same keys.
  std::int32_t partition = 0;
  friend bool operator==(const PartitionKey&, const PartitionKey&) = default;
  BOOST_DESCRIBE_CLASS(PartitionKey, (), (key, partition), (), ())
};
template <class K>
PartitionKey(K, std::int32_t) -> PartitionKey<K>;

namespace detail {
template <class K>
inline constexpr bool kIsPartitionKey = false;
template <class K>
inline constexpr bool kIsPartitionKey<PartitionKey<K>> = true;
}  // namespace detail

}  // namespace millstream::inline v0
