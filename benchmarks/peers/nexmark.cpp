// peers_nexmark: queries of Nexmark for the comparison with Flink, by Millstream and by hand, over events that all read
// from the same bytes, as a program that run.sh drives; README.md says how.
//   peers_nexmark --write FILE --records N [--event-rate R]
//   peers_nexmark --system millstream|hand --work nexmark_q5 --events FILE [--checkpoint MS] ...
//   peers_nexmark --check --records N [--event-rate R] [--folder DIR]     both give the same, and so do the models
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <millstream/millstream.hpp>
#include <stdexcept>

#include "nexmark/encoded_source.hpp"
#include "nexmark/query.hpp"
#include "peers/serve.hpp"

namespace {

namespace ms = millstream;
using namespace peers;
using nexmark::Query;
using Bytes = std::span<const char>;

struct Settings {
  std::string system = "millstream";
  std::string work;
  std::string events;
  std::string write;
  std::uint64_t records = 1'000'000;
  double event_rate = 100'000;
  double warmup = 0;
  std::int64_t checkpoint_ms = 0;
  std::string folder = (std::filesystem::temp_directory_path() / "millstream-peers-nexmark").string();
  bool check = false;
};

/// A file in memory, all of which was read.
class Mapped {
 public:
  explicit Mapped(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status{};
    if (fd < 0 || ::fstat(fd, &status) != 0 || status.st_size == 0) {
      throw std::runtime_error{path + " cannot be read"};
    }
    size_ = static_cast<std::size_t>(status.st_size);
    void* at = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    ::close(fd);
    if (at == MAP_FAILED) throw std::runtime_error{path + " cannot be mapped"};
    at_ = static_cast<const char*>(at);
  }
  ~Mapped() { ::munmap(const_cast<char*>(at_), size_); }
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;
  [[nodiscard]] Bytes bytes() const { return {at_, size_}; }

 private:
  const char* at_ = nullptr;
  std::size_t size_ = 0;
};

Digest plain(const nexmark::Digest& digest) { return {.results = digest.results, .sum = digest.sum}; }

Outcome by_millstream(const Query& query, Bytes bytes, const Checkpoints& checkpoints) {
  const bool checkpointed = checkpoints.interval.count() > 0;
  if (checkpointed) std::filesystem::remove_all(checkpoints.folder);
  const auto meter = std::make_shared<Meter>();
  const auto results = std::make_shared<nexmark::Results>();
  results->watch([meter] { meter->wrote(); });
  ms::Dataflow flow{query.name};
  query.declare_views(flow.from(nexmark::EncodedSource{bytes, [meter] { meter->read(); }}),
                      nexmark::Outlet{results, {}});
  ms::RunOptions options{.shards = 1, .log = nullptr};
  if (checkpointed) {
    options.state_dir = checkpoints.folder;
    options.checkpoint.interval = checkpoints.interval;
  }
  const ms::JobResult result = ms::run(flow, options);
  const Outcome outcome = meter->outcome(plain(results->digest()));
  if (checkpointed) std::filesystem::remove_all(checkpoints.folder);
  if (!result.ok()) throw std::runtime_error{result.status.to_string()};
  return outcome;
}

Outcome by_hand(const Query& query, Bytes bytes) {
  Meter meter;
  meter.read();
  const nexmark::Digest digest = query.hand(nexmark::Input{.generator = nullptr, .encoded = bytes});
  meter.wrote();
  return meter.outcome(plain(digest));
}

/// Those that have a loop by hand, and that Flink's side has, too.
std::vector<Query> queries() {
  return {nexmark::q0(), nexmark::q1(), nexmark::q2(), nexmark::q5(), nexmark::q7(), nexmark::q18()};
}

Query query_of(const std::string& work) {
  const std::vector<Query> all = queries();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Query& query) { return work == std::string{"nexmark_"} + query.name; });
  if (found == all.end()) throw std::runtime_error{"there is no work '" + work + "'"};
  return *found;
}

void write(const Settings& settings, const std::string& path) {
  const nexmark::Generator generator{{.rate = settings.event_rate}};
  std::ofstream file{path, std::ios::binary};
  std::string bytes;
  for (std::uint64_t n = 0; n < settings.records; ++n) {
    bytes.clear();
    nexmark::encode_event(generator.event(n), bytes);
    file << bytes;
  }
  if (!file.flush()) throw std::runtime_error{path + " cannot be written"};
}

void serve_work(const Settings& settings) {
  const Query query = query_of(settings.work);
  const Mapped mapped{settings.events};
  const Checkpoints checkpoints{std::chrono::milliseconds{settings.checkpoint_ms}, settings.folder};
  const bool hand = settings.system == "hand";
  serve({.version = hand ? "-" : PEERS_VERSION, .warmup_seconds = settings.warmup, .run = [&](const std::string&) {
           return hand ? by_hand(query, mapped.bytes()) : by_millstream(query, mapped.bytes(), checkpoints);
         }});
}

bool check(const Settings& settings) {
  const std::string path = settings.folder + ".events";
  write(settings, path);
  bool equal = true;
  {
    const Mapped mapped{path};
    const auto generator = std::make_shared<nexmark::Generator>(nexmark::GeneratorOptions{.rate = settings.event_rate});
    const nexmark::Input input{.generator = generator, .events = settings.records};
    for (const Query& query : queries()) {
      const Digest model = plain(query.model(input));
      const bool same =
          model.results > 0 && by_hand(query, mapped.bytes()).digest == model &&
          by_millstream(query, mapped.bytes(), {}).digest == model &&
          by_millstream(query, mapped.bytes(), {std::chrono::milliseconds{20}, settings.folder}).digest == model;
      std::printf("%-4s %10llu results: %s\n", query.name, static_cast<unsigned long long>(model.results),
                  same ? "equal" : "DIFFERENT");
      equal = equal && same;
    }
  }
  std::filesystem::remove(path);
  return equal;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app{"Queries of Nexmark, by Millstream and by hand, over events that are read from bytes"};
  app.add_option("--system", settings.system)->check(CLI::IsMember({"millstream", "hand"}))->capture_default_str();
  app.add_option("--work", settings.work, "nexmark_q0 and so on");
  app.add_option("--events", settings.events, "File with the events");
  app.add_option("--write", settings.write, "Only writes such a file");
  app.add_option("--records", settings.records, "Events that are written")->capture_default_str();
  app.add_option("--event-rate", settings.event_rate, "Of them, a second of event time")
      ->check(CLI::Range(1.0, 1e9))
      ->capture_default_str();
  app.add_option("--warmup", settings.warmup, "Seconds of runs that do not count; at least one run")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--checkpoint", settings.checkpoint_ms, "Milliseconds between checkpoints; 0 = none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--folder", settings.folder, "State folder; removed before and after each run")->capture_default_str();
  app.add_flag("--check", settings.check, "Only compares the results; ends with 1 where they differ");
  CLI11_PARSE(app, argc, argv);
  try {
    if (settings.check) return check(settings) ? 0 : 1;
    if (!settings.write.empty()) {
      write(settings, settings.write);
    } else {
      serve_work(settings);
    }
    return 0;
  } catch (const std::exception& error) {
    std::printf("error %s\n", error.what());
    return 1;
  }
}
