// Counts the words of a text, each word by its own running total: the smallest dataflow with a key.
//   word_count [TEXT...]
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <map>
#include <millstream/connectors/memory.hpp>
#include <millstream/stream/dataflow.hpp>
#include <millstream/stream/keyed_stream.hpp>
#include <millstream/window/numeric_aggregates.hpp>
#include <string>
#include <vector>

namespace ms = millstream;

namespace {

const std::vector<std::string> kLines{
    "It was the best of times, it was the worst of times,",
    "it was the age of wisdom, it was the age of foolishness,",
    "it was the epoch of belief, it was the epoch of incredulity",
};

void split_words(const std::string& line, ms::Collector<std::string>& out) {
  std::string word;
  for (const char c : line + " ") {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!word.empty()) {
      out.emit(std::exchange(word, {}));
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> lines = argc > 1 ? std::vector<std::string>(argv + 1, argv + argc) : kLines;

  ms::Dataflow flow{"word-count"};
  auto totals = ms::memory::sink<ms::KeyedResult<std::string, std::int64_t>>();
  flow.from(ms::memory::source(lines))
      .flat_map<std::string>(split_words)
      .key_by([](const std::string& word) { return word; })
      .aggregate(ms::count())
      .to(totals);
  const ms::JobResult result = ms::run(flow);

  // A running aggregate gives out each new total; the last one of a word is the greatest.
  std::map<std::string, std::int64_t> counts;
  for (const auto& [word, total] : totals.records()) counts[word] = std::max(counts[word], total);
  for (const auto& [word, total] : counts) std::printf("%-12s %lld\n", word.c_str(), static_cast<long long>(total));
  return result.exit_code();
}
