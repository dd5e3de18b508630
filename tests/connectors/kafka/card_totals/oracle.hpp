// What examples/kafka_card_totals shall have written for what its input topic holds, told without any part of the
// library: each input message once, with the count and the sum that its card has come to.
#pragma once

#include <string>
#include <vector>

#include "connectors/kafka/broker_log.hpp"

namespace millstream::inline v0::testing {

/// The JSON of a payment as the tests write it.
[[nodiscard]] std::string payment_text(int card, int cents);

/// What is wrong with `output`, the messages of the topic by partition and offset: the first few that are lost,
/// doubled, foreign or have a wrong total; empty where nothing is. Messages of `input` that are no payments are left
/// out.
[[nodiscard]] std::string wrong_totals(const std::vector<Logged>& input, const std::vector<Logged>& output);

/// The same for dead letters, of which there must be one for each message of `input`, the topic `topic`, that is no
/// payment: with its bytes, key and headers, and headers that say where it stood and why it is there.
[[nodiscard]] std::string wrong_dead_letters(const std::string& topic, const std::vector<Logged>& input,
                                             const std::vector<Logged>& letters);

}  // namespace millstream::inline v0::testing
