// Counts the words of a text: for each word comes its running total. The smallest dataflow with a key.
//   word_count [TEXT...]
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <millstream/connectors/memory.hpp>
#include <millstream/stream/dataflow.hpp>
#include <millstream/stream/keyed_stream.hpp>
#include <millstream/window/numeric_aggregates.hpp>
#include <string>
#include <utility>
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

struct PrintTotal {
  void write(const ms::KeyedResult<std::string, std::int64_t>& total) {
    std::printf("%-12s %lld\n", total.key.c_str(), static_cast<long long>(total.value));
  }
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> lines = argc > 1 ? std::vector<std::string>(argv + 1, argv + argc) : kLines;

  ms::Dataflow flow{"word-count"};
  flow.from(ms::memory::source(lines))
      .flat_map<std::string>(split_words)
      .key_by([](const std::string& word) { return word; })
      .aggregate(ms::count())
      .to(PrintTotal{});
  // One shard, so that the totals come in the order of the words; with more, words on different shards overtake.
  return ms::run(flow, {.shards = 1}).exit_code();
}
