// A plain loop over both topics. It reads JSON by sscanf: what the tests write and the example writes has one form.
#include "connectors/kafka/card_totals/oracle.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace millstream::inline v0::testing {
namespace {

using Place = std::pair<std::int32_t, std::int64_t>;  // partition and offset

struct Payment {
  std::string card;
  long long cents = 0;
};
struct Total {
  std::string card;
  long long count = 0;
  long long cents = 0;
  Place input;
};

/// So many of each kind are told.
constexpr int kToldMax = 5;

class Findings {
 public:
  void add(const std::string& kind, const std::string& what) {
    Kind& found = kinds_[kind];
    if (found.count++ < kToldMax) found.told += "  " + what + "\n";
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& [kind, found] : kinds_) {
      all += std::to_string(found.count) + " " + kind + ":\n" + found.told;
      if (found.count > kToldMax) all += "  ...\n";
    }
    return all;
  }

 private:
  struct Kind {
    int count = 0;
    std::string told;
  };
  std::map<std::string, Kind> kinds_;
};

std::string text(const Place& place) {
  return "partition " + std::to_string(place.first) + " offset " + std::to_string(place.second);
}
std::string text(const Logged& logged) { return text(Place{logged.partition, logged.offset}) + ": " + logged.value; }

std::optional<Payment> parse_payment(const std::string& value) {
  Payment payment;
  char card[64] = "";
  char rest[64] = "";
  const bool good =
      std::sscanf(value.c_str(), R"({"card":"%63[^"]","cents":%lld,"at":"%63[^"]"})", card, &payment.cents, rest) == 3;
  payment.card = card;
  return good && value.ends_with("\"}") ? std::optional{payment} : std::nullopt;
}

std::optional<Total> parse_total(const std::string& value) {
  Total total;
  char card[64] = "";
  int partition = 0;
  long long offset = 0;
  int end = 0;
  const int fields =
      std::sscanf(value.c_str(), R"({"card":"%63[^"]","count":%lld,"cents":%lld,"partition":%d,"offset":%lld}%n)", card,
                  &total.count, &total.cents, &partition, &offset, &end);
  total.card = card;
  total.input = {partition, offset};
  return fields == 5 && end == static_cast<int>(value.size()) ? std::optional{total} : std::nullopt;
}

}  // namespace

std::string payment_text(int card, int cents) {
  return "{\"card\":\"card-" + std::to_string(card) + "\",\"cents\":" + std::to_string(cents) +
         ",\"at\":\"2024-05-17T12:00:00Z\"}";
}

std::string wrong_totals(const std::vector<Logged>& input, const std::vector<Logged>& output) {
  std::map<Place, Payment> payments;
  for (const Logged& logged : input) {
    if (auto payment = parse_payment(logged.value)) payments[{logged.partition, logged.offset}] = *std::move(payment);
  }
  struct SoFar {
    long long count = 0;
    long long cents = 0;
    std::int32_t partition = 0;                 // of the output
    std::map<std::int32_t, std::int64_t> last;  // offset in each partition of the input
  };
  Findings findings;
  std::map<std::string, SoFar> cards;
  std::map<Place, Logged> first;  // the output for each input
  for (const Logged& logged : output) {
    const std::optional<Total> total = parse_total(logged.value);
    if (!total) {
      findings.add("not of the form of a total", text(logged));
      continue;
    }
    const auto payment = payments.find(total->input);
    if (payment == payments.end() || payment->second.card != total->card || logged.key != total->card) {
      findings.add("for no such payment, or with another key", text(logged));
      continue;
    }
    if (const auto [before, fresh] = first.try_emplace(total->input, logged); !fresh) {
      findings.add("doubled",
                   text(total->input) + " of the input, at " + text(before->second) + "\n    and at " + text(logged));
      continue;
    }
    const auto [at, fresh] = cards.try_emplace(total->card);
    SoFar& so_far = at->second;
    if (fresh) so_far.partition = logged.partition;
    const long long count = so_far.count + 1;
    const long long cents = so_far.cents + payment->second.cents;
    if (total->count != count || total->cents != cents) {
      findings.add("with a wrong total",
                   text(logged) + "\n    where the " + std::to_string(count) + "th comes to " + std::to_string(cents));
    }
    if (so_far.partition != logged.partition)
      findings.add("in another partition than others of its card", text(logged));
    const auto [last, first_of_partition] = so_far.last.try_emplace(total->input.first, total->input.second);
    if (!first_of_partition && last->second >= total->input.second) findings.add("out of order", text(logged));
    last->second = total->input.second;
    // From what was written on, so that one mistake is told once.
    so_far.count = total->count;
    so_far.cents = total->cents;
  }
  for (const auto& [place, payment] : payments) {
    if (!first.contains(place)) findings.add("lost", text(place) + " of the input, of " + payment.card);
  }
  return findings.text();
}

std::string wrong_dead_letters(const std::string& topic, const std::vector<Logged>& input,
                               const std::vector<Logged>& letters) {
  const std::string head = "__millstream.errors.";
  Findings findings;
  std::map<Place, Logged> bad;
  for (const Logged& logged : input) {
    if (!parse_payment(logged.value)) bad[{logged.partition, logged.offset}] = logged;
  }
  std::set<Place> seen;
  for (const Logged& letter : letters) {
    std::map<std::string, std::string> added;
    std::vector<std::pair<std::string, std::string>> kept;
    for (const auto& header : letter.headers) {
      if (header.first.starts_with(head)) {
        added.emplace(header.first.substr(head.size()), header.second);
      } else {
        kept.push_back(header);
      }
    }
    const Place place{std::atoi(added["partition"].c_str()), std::atoll(added["offset"].c_str())};
    const auto original = bad.find(place);
    if (added["topic"] != topic || original == bad.end()) {
      findings.add("dead letters of good messages, or of none", text(letter));
      continue;
    }
    if (!seen.insert(place).second) findings.add("doubled dead letters", text(place) + " of the input");
    const Logged& message = original->second;
    if (letter.value != message.value || letter.has_value != message.has_value || letter.key != message.key ||
        kept != message.headers) {
      findings.add("dead letters that are not as the message was", text(letter) + "\n    for " + text(message));
    }
    if (added["stage"] != "payments" || added["message"].empty()) {
      findings.add("dead letters that do not say what is wrong", text(letter));
    }
  }
  for (const auto& [place, message] : bad) {
    if (!seen.contains(place)) findings.add("lost dead letters", text(message));
  }
  return findings.text();
}

}  // namespace millstream::inline v0::testing
