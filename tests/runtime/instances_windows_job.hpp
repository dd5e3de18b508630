// A job of several instances with windows of all kinds, and a plain model of its input that says what each window has
// and which records are late.
#pragma once

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/instances_job.hpp"

namespace millstream::instances {

struct Reading {
  std::string card;
  std::int64_t cents = 0;
  std::int32_t partition = 0;
  Timestamp at;
};
BOOST_DESCRIBE_STRUCT(Reading, (), (card, cents, partition, at))

constexpr Duration kBound = 5s;
constexpr Duration kTumbling = 20s;
constexpr Duration kSize = 30s;
constexpr Duration kSlide = 10s;
constexpr Duration kGap = 15s;
constexpr Duration kByTheClock = 40ms;
constexpr std::uint64_t kCount = 3;

/// What a job does, and how disordered its input is.
struct Shape {
  bool slices = true;  ///< tumbling and sliding windows; else sessions, discarding ones, counts, and by the clock
  Duration lateness{0};
  bool idle = false;     ///< splits become idle, so that what is late depends on what was read when
  bool silence = false;  ///< windows close after a silence, likewise
  [[nodiscard]] bool by_input_alone() const { return !idle && !silence; }
};

inline std::int64_t seconds(Timestamp at) { return at.time_since_epoch() / 1s; }

inline std::string name_of(const std::string& stage, const std::string& card, Timestamp start) {
  return stage + " " + card + " " + std::to_string(seconds(start));
}

/// What all panes of each window, counts per name, and late records must come to.
struct Expected {
  std::map<std::string, std::int64_t> final;                   // window -> the value of its last pane
  std::map<std::string, std::int64_t> all;                     // window -> the sum of its panes' values
  std::map<std::string, std::multiset<std::int64_t>> dropped;  // stage and card -> cents
  std::set<std::string> on_time;  // windows with a record that comes before their end in every case
  std::map<std::string, std::int64_t> of_card;
};

class Model {
 public:
  Model(Shape shape, Duration step) : shape_{shape}, step_{step} {}

  /// The records of one partition, in order.
  void add(const std::vector<Reading>& readings) {
    Timestamp greatest = kTimestampMin;
    Timestamp watermark = kTimestampMin;
    std::map<std::string, std::vector<Reading>> sessions;
    std::map<std::string, std::vector<Reading>> counts;
    for (const Reading& r : readings) {
      expected.of_card[r.card] += r.cents;
      if (shape_.slices) {
        add_to_windows("tumbling", r, watermark, kTumbling, kTumbling);
        add_to_windows("sliding", r, watermark, kSize, kSlide);
        add_to_windows("early", r, watermark, kTumbling, kTumbling);
      } else {
        add_to_windows("pieces", r, watermark, kSize, kSlide);
        counts[r.card].push_back(r);
        if (r.at + kGap + shape_.lateness > watermark) {
          sessions[r.card].push_back(r);
        } else {
          expected.dropped["sessions " + r.card].insert(r.cents);
        }
      }
      greatest = std::max(greatest, r.at);
      watermark = std::max(watermark, floor_to(greatest - kBound, step_));
    }
    for (auto& [card, all] : sessions) add_sessions(card, all);
    for (const auto& [card, all] : counts) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        expected.final["counts " + card + " " + std::to_string(i / kCount)] += all[i].cents;
      }
    }
  }
  Expected expected;

 private:
  void add_to_windows(const std::string& stage, const Reading& r, Timestamp watermark, Duration size, Duration slide) {
    bool taken = false;
    for (Timestamp start = floor_to(r.at, slide); start + size > r.at; start -= slide) {
      if (start + size + shape_.lateness <= watermark) continue;
      (stage == "pieces" ? expected.all : expected.final)[name_of(stage, r.card, start)] += r.cents;
      if (start + size > watermark && stage != "pieces") expected.on_time.insert(name_of(stage, r.card, start));
      taken = true;
    }
    if (!taken) expected.dropped[stage + " " + r.card].insert(r.cents);
  }
  void add_sessions(const std::string& card, std::vector<Reading>& all) {
    std::sort(all.begin(), all.end(), [](const Reading& a, const Reading& b) { return a.at < b.at; });
    Timestamp start;
    Timestamp end = kTimestampMin;
    for (const Reading& r : all) {
      if (r.at > end) start = r.at;
      end = r.at + kGap;
      expected.final[name_of("sessions", card, start)] += r.cents;
      expected.on_time.insert(name_of("sessions", card, start));
    }
  }

  Shape shape_;
  Duration step_;
};

template <class Windowed>
auto with_options(const Windowed& windowed, const Shape& shape) {
  auto changed = windowed.allowed_lateness(shape.lateness);
  return shape.silence ? changed.close_after(8ms) : changed;
}
template <class Results>
auto lines(const Results& results, const std::string& stage) {
  return results.map([stage](const auto& r) {
    const char* const timing = r.timing == PaneTiming::on_time ? "on_time"
                               : r.timing == PaneTiming::late  ? "late"
                                                               : "early";
    return kit::LogRecord{name_of(stage, r.key.key, r.window_start),
                          std::to_string(r.pane) + " " + timing + " " + std::to_string(r.value)};
  });
}
template <class Results>
auto late_lines(const Results& results, const std::string& stage) {
  return results.side_output(late_records<Reading>).map([stage](const Late<Reading>& late) {
    return kit::LogRecord{"late " + stage + " " + late.record.card, std::to_string(late.record.cents)};
  });
}

class WindowWorld : public World {
 public:
  WindowWorld(std::uint64_t seed, Shape shape, std::uint64_t records = 300)
      : World{seed, 0},
        shape_{shape},
        random_{seed, 0x5749'4e44},
        model_{shape, shape.slices ? kSlide : Duration{1ms}} {
    other_flow = [this](const InstanceShare& share) { return windows_flow(share); };
    std::map<std::uint32_t, std::vector<Reading>> readings;
    std::map<std::uint32_t, Timestamp> greatest;
    for (std::uint64_t i = 0; i < records; ++i) {
      const std::uint64_t number = random_.below(kCards);
      const auto partition = static_cast<std::uint32_t>(number % kPartitions);
      // Some partitions have ended when others have hardly begun.
      Timestamp& now = greatest[partition];
      now += std::chrono::seconds{random_.below(1 + 2 * partition)};
      const Reading r{"card" + std::to_string(number), static_cast<std::int64_t>(1 + i * i % 9973),
                      static_cast<std::int32_t>(partition), now - disorder()};
      const std::string value = std::to_string(r.cents) + "@" + std::to_string(seconds(r.at));
      while (broker.append({"in", partition}, {r.card, value}) != kit::LogReply::kOk) {
      }
      readings[partition].push_back(r);
    }
    broker.end_topic("in");
    for (const auto& [partition, all] : readings) model_.add(all);
  }

  Dataflow windows_flow(const InstanceShare& share) const {
    Dataflow flow{"windows"};
    WatermarkStrategy strategy = bounded_disorder(kBound);
    if (shape_.idle) strategy = strategy.idle_after(5ms);
    const auto by_card =
        flow.from(
                kit::LogSource{.broker = broker_, .topic = "in", .fetch_records_max = 2, .pause = 12ms, .share = share})
            .named("in")
            .map([](const kit::LogRecord& r) {
              const std::size_t at = r.value.find('@');
              return Reading{r.key, std::stoll(r.value), static_cast<std::int32_t>(r.partition),
                             Timestamp{std::chrono::seconds{std::stoll(r.value.substr(at + 1))}}};
            })
            .event_time(&Reading::at, strategy)
            .key_by([](const Reading& r) { return PartitionKey{r.card, r.partition}; });
    if (shape_.slices) {
      const auto early = with_options(by_card.window(tumbling(kTumbling)).trigger(early_every(2)), shape_)
                             .aggregate(sum(&Reading::cents))
                             .named("early");
      const auto tumbled =
          with_options(by_card.window(tumbling(kTumbling)), shape_).aggregate(sum(&Reading::cents)).named("tumbling");
      const auto slid =
          with_options(by_card.window(sliding(kSize, kSlide)), shape_).aggregate(sum(&Reading::cents)).named("sliding");
      auto all = lines(tumbled, "tumbling").merge(lines(slid, "sliding"));
      all = all.merge(late_lines(tumbled, "tumbling")).merge(late_lines(slid, "sliding"));
      all = all.merge(lines(early, "early")).merge(late_lines(early, "early"));
      if (shape_.lateness == Duration{0}) {
        using Result = WindowResult<PartitionKey<std::string>, std::int64_t>;
        all = all.merge(lines(tumbled.key_by([](const Result& r) { return r.key; })
                                  .window(tumbling(3 * kTumbling))
                                  .aggregate(sum(&Result::value))
                                  .named("of windows"),
                              "of_windows"));
      }
      give_out(all, share);
      return flow;
    }
    const auto sessions =
        with_options(by_card.window(session(kGap)), shape_).aggregate(sum(&Reading::cents)).named("sessions");
    const auto pieces =
        with_options(by_card.window(sliding(kSize, kSlide)).trigger(early_interval_event(7s)).discarding(), shape_)
            .aggregate(sum(&Reading::cents))
            .named("pieces");
    const auto counts = by_card.window(count_window(kCount)).aggregate(sum(&Reading::cents)).named("counts");
    const auto clocked =
        by_card.window(tumbling(kByTheClock).processing_time()).aggregate(sum(&Reading::cents)).named("by the clock");
    auto all = lines(sessions, "sessions").merge(lines(pieces, "pieces"));
    all = all.merge(late_lines(sessions, "sessions")).merge(late_lines(pieces, "pieces"));
    all = all.merge(counts.map([](const auto& r) {
      return kit::LogRecord{"counts " + r.key.key + " " + std::to_string(r.pane), "0 final " + std::to_string(r.value)};
    }));
    all = all.merge(clocked.map([](const auto& r) {
      return kit::LogRecord{"clock " + r.key.key + " " + std::to_string(r.window_start.time_since_epoch().count()),
                            std::to_string(r.pane) + " final " + std::to_string(r.value)};
    }));
    give_out(all, share);
    return flow;
  }

  /// What is wrong with what readers of committed records see. `all`: nothing may be missing.
  std::string compare_windows(bool all) {
    const Expected& expected = model_.expected;
    std::map<std::string, std::set<std::int64_t>> panes;
    std::map<std::string, std::int64_t> on_time;
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> last;  // pane, value
    std::map<std::string, std::int64_t> sums;                           // of all panes
    std::map<std::string, std::multiset<std::int64_t>> dropped;
    std::map<std::string, std::int64_t> of_card;  // stage and card -> of all panes that are not early
    for (std::uint32_t partition = 0; partition < 3; ++partition) {
      for (const kit::LogRecord& r : broker.committed({"out", partition})) {
        if (r.key.starts_with("late ")) {
          dropped[r.key.substr(5)].insert(std::stoll(r.value));
          continue;
        }
        const std::int64_t pane = std::stoll(r.value);
        const std::int64_t value = std::stoll(r.value.substr(r.value.rfind(' ') + 1));
        if (!panes[r.key].insert(pane).second) return r.key + ": pane " + std::to_string(pane) + " twice";
        if (r.value.find("on_time") != std::string::npos && ++on_time[r.key] > 1) return r.key + ": on time twice";
        last[r.key] = std::max(last[r.key], std::pair{pane, value});
        sums[r.key] += value;
        if (r.value.find("early") == std::string::npos) of_card[r.key.substr(0, r.key.rfind(' '))] += value;
      }
    }
    if (all) {
      for (const auto& [window, numbers] : panes) {
        if (*numbers.rbegin() + 1 == static_cast<std::int64_t>(numbers.size())) continue;
        return window + ": of its panes some are missing";
      }
    }
    const bool fires_once = shape_.lateness == Duration{0};
    std::vector<std::string> that_count_once;
    if (all && !shape_.slices) that_count_once = {"clock", "counts"};
    if (all && !shape_.slices && fires_once) that_count_once.emplace_back("sessions");
    if (all && shape_.slices && fires_once) that_count_once = {"tumbling", "early"};
    for (const auto& [card, sum] : expected.of_card) {
      for (const std::string& stage : that_count_once) {
        std::int64_t seen = of_card[stage + " " + card];
        const auto late = dropped.find(stage + " " + card);
        if (late != dropped.end()) seen = std::accumulate(late->second.begin(), late->second.end(), seen);
        if (seen == sum) continue;
        return stage + " " + card + ": " + std::to_string(seen) + " of " + std::to_string(sum) +
               " were counted or late";
      }
    }
    if (!shape_.by_input_alone()) return {};
    for (const auto& [whose, cents] : dropped) {
      const auto wanted = expected.dropped.find(whose);
      const bool right = wanted != expected.dropped.end() &&
                         std::includes(wanted->second.begin(), wanted->second.end(), cents.begin(), cents.end()) &&
                         (!all || wanted->second.size() == cents.size());
      if (!right) return whose + ": the late records are others";
    }
    if (all) {
      for (const auto& [whose, cents] : expected.dropped) {
        if (dropped[whose].size() != cents.size()) return whose + ": late records are missing";
      }
    }
    for (const auto& [window, pane] : last) {
      const std::string stage = window.substr(0, window.find(' '));
      if (stage == "clock" || stage == "of_windows" || stage == "pieces") continue;
      const auto wanted = expected.final.find(window);
      if (wanted == expected.final.end()) return window + " has fired, and there is none";
      const bool is_final = all || (fires_once && (stage != "early" || on_time.contains(window)));
      if (!is_final || pane.second == wanted->second) continue;
      return window + ": " + std::to_string(pane.second) + " instead of " + std::to_string(wanted->second);
    }
    if (!all) return {};
    for (const auto& [window, value] : expected.final) {
      if (!last.contains(window)) return window + " has not fired";
    }
    for (const std::string& window : expected.on_time) {
      if (on_time[window] != 1) return window + " has not fired on time";
    }
    for (const auto& [window, value] : expected.all) {
      if (sums[window] != value) {
        return window + ": in pieces " + std::to_string(sums[window]) + " instead of " + std::to_string(value);
      }
    }
    if (!shape_.slices || !fires_once) return {};
    std::map<std::string, std::int64_t> of_windows;
    for (const auto& [window, value] : expected.final) {
      if (!window.starts_with("tumbling ")) continue;
      const std::size_t space = window.rfind(' ');
      const Timestamp start{std::chrono::seconds{std::stoll(window.substr(space))}};
      of_windows[name_of("of_windows", window.substr(9, space - 9), floor_to(start, 3 * kTumbling))] += value;
    }
    for (const auto& [window, value] : of_windows) {
      if (last[window].second != value || panes[window].size() != 1) return window + " is wrong";
    }
    return {};
  }

 private:
  // What sessions make of a record that is somewhat late depends on what other partitions have brought by then: theirs
  // are in time, or far too late.
  Duration disorder() {
    if (shape_.slices) return std::chrono::seconds{random_.chance(0.7) ? random_.below(5) : random_.below(70)};
    if (random_.chance(0.9)) return std::chrono::seconds{random_.below(4)};
    return kBound + kGap + shape_.lateness + std::chrono::seconds{30 + random_.below(20)};
  }
  template <class Lines>
  void give_out(const Lines& all, const InstanceShare& share) const {
    all.to(kit::LogSink{{.broker = broker_,
                         .topic = "out",
                         .group = "windows-group",
                         .transactional_id = "windows-" + std::to_string(share.instance),
                         .instance = share.instance,
                         .source_stage = "in",
                         .source_topic = "in"}})
        .named("out");
  }

  kit::LogBroker* broker_ = &broker;
  Shape shape_;
  Random random_;
  Model model_;
};

}  // namespace millstream::instances
