// A job that keeps a user's type in every kind of state, for tests that restore it as another version of that type.
// profiles.cpp instantiates it once for each version and all tests: it takes the compiler long.
#pragma once

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "millstream/connectors/memory.hpp"
#include "millstream/millstream.hpp"

namespace profiles {

namespace ms = millstream;
using namespace std::chrono_literals;

struct Click {
  std::int64_t user = 0;
  std::int64_t amount = 0;  ///< 0 asks what is kept of the user
  ms::Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Click, (), (user, amount, at))

struct V1 {
  std::int32_t age = 30;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(V1, (), (age, total))
/// `age` is gone, `country` new.
struct V2 {
  std::string country = "unknown";
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(V2, (), (country, total))
/// `total` has become a text, and there is no way to it, and one.
struct Retyped {
  std::string total = "none";
};
BOOST_DESCRIBE_STRUCT(Retyped, (), (total))
struct Migrated {
  std::string total = "none";
};
BOOST_DESCRIBE_STRUCT(Migrated, (), (total))
inline std::atomic<bool> migrate_throws = false;  ///< so that there is no version more for a migrate that fails

}  // namespace profiles

template <>
struct millstream::Migration<profiles::Migrated> {
  using From = profiles::V1;
  static profiles::Migrated migrate(profiles::V1 before) {
    if (profiles::migrate_throws) throw std::runtime_error{"no way"};
    return {"was " + std::to_string(before.total)};
  }
};

namespace profiles {

using Lines = ms::memory::Sink<std::string>;

/// All of its records, then none until the job is stopped, or the end.
struct Clicks {
  std::vector<Click> clicks;
  bool hold = false;
  std::size_t next = 0;

  std::vector<ms::Split> splits(ms::SourceContext&) const { return {{"clicks", {}}}; }
  ms::Status open(ms::SplitContext& context) {
    next = context.split().start.offset;
    return {};
  }
  ms::Poll poll(ms::SourceOutput<Click>& out) {
    while (out.room() > 0 && next < clicks.size()) out.emit(clicks[next++]);
    if (next < clicks.size()) return ms::Poll::more();
    return hold ? ms::Poll::idle() : ms::Poll::done();
  }
  [[nodiscard]] ms::Position position() const { return {next, {}}; }
};

/// Three users, each with amounts of 1 to 4 within one hour.
inline std::vector<Click> some_clicks() {
  std::vector<Click> clicks;
  for (std::int64_t i = 0; i < 12; ++i) clicks.push_back({i % 3, 1 + i / 3, ms::Timestamp{1min * i}});
  return clicks;
}
/// Behind them, a question for each user.
inline std::vector<Click> with_questions(std::vector<Click> clicks) {
  for (std::int64_t user = 0; user < 3; ++user) clicks.push_back({user, 0, ms::Timestamp{15min}});
  return clicks;
}

/// Keeps P in each kind of state, and in windows of each kind, whose results begin with the name of their stage. P is a
/// version above.
template <class P>
ms::Dataflow flow_of(Clicks clicks, const Lines& out);

struct Quiet : ms::RunOptions {
  explicit Quiet(const std::string& folder, std::uint32_t job_shards) {
    shards = job_shards;
    log = nullptr;
    state_dir = folder;
    checkpoint = {.interval = 10ms, .retained = 1};
  }
};

/// What go_on() gives, with a profile as its version says it: of all amounts, and of each.
inline std::vector<std::string> answers(const std::string& sum, const std::vector<std::string>& amounts) {
  std::vector<std::string> all;
  for (const std::string user : {"0", "1", "2"}) {
    for (const char* stage : {"slices ", "sessions ", "panes ", "counts "}) all.push_back(stage + user + ": " + sum);
    all.push_back("reduced " + user + ": 10");
    std::string line = "user " + user + ": " + sum + ";";
    for (const std::string& amount : amounts) line += " " + amount;
    all.push_back(line + "; last " + amounts.back() + "; 4 amounts");
    for (int i = 0; i < 4; ++i) all.push_back("timer of " + user);
  }
  std::sort(all.begin(), all.end());
  return all;
}

/// The folder then holds what `flow`, whose clicks are held, has kept of them.
ms::Status leave(const std::string& folder, std::uint32_t shards, ms::Dataflow flow);
/// ... version P of some_clicks().
template <class P>
ms::Status leave_state(const std::string& folder, std::uint32_t shards) {
  return leave(folder, shards, flow_of<P>({some_clicks(), true}, ms::memory::sink<std::string>()));
}

/// Goes on from it as version P, asks for everything, and sorts the answers.
template <class P>
ms::Result<std::vector<std::string>> go_on(const std::string& folder, std::uint32_t shards, ms::LogHook log = nullptr) {
  const Lines out = ms::memory::sink<std::string>();
  Quiet options{folder, shards};
  options.log = std::move(log);
  const ms::JobResult result = ms::run(flow_of<P>({with_questions(some_clicks()), false}, out), options);
  if (!result.ok()) return result.status;
  std::vector<std::string> lines = out.records();
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace profiles
