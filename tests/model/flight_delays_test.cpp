// The demo against a model of its own: a plain loop over the CSV that follows the rules of windows, lateness and panes
// without using any part of the library, compared with the files that the program writes, text by text.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <thread>
#include <tuple>

extern char** environ;

namespace {

namespace fs = std::filesystem;
using Minutes = std::int64_t;  // since 1970-01-01T00:00Z

constexpr Minutes kHour = 60;
constexpr Minutes kNever = std::numeric_limits<Minutes>::min();

struct Row {
  Minutes scheduled;
  int delay;
  int distance;
  std::string origin;
  std::string destination;
};

Minutes floor_hour(Minutes t) { return t >= 0 ? t / kHour * kHour : -((-t + kHour - 1) / kHour * kHour); }

Minutes parse_time(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  EXPECT_EQ(std::sscanf(text.c_str(), "%d-%d-%dT%d:%d:%dZ", &year, &month, &day, &hour, &minute, &second), 6) << text;
  EXPECT_EQ(second, 0) << text;
  std::tm tm{};
  tm.tm_year = year - 1900;
  tm.tm_mon = month - 1;
  tm.tm_mday = day;
  return ::timegm(&tm) / 60 + hour * kHour + minute;
}

std::string time_text(Minutes t) {
  const std::time_t seconds = t * 60;
  std::tm tm{};
  ::gmtime_r(&seconds, &tm);
  char text[32];
  std::strftime(text, sizeof text, "\"%Y-%m-%dT%H:%M:%SZ\"", &tm);
  return text;
}

std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream in{path};
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<Row> read_csv(const fs::path& path) {
  std::vector<Row> rows;
  for (const std::string& line : lines_of(path)) {
    if (line.starts_with("scheduled_at")) continue;
    std::istringstream fields{line};
    std::string time, delay, distance;
    Row row;
    std::getline(fields, time, ',');
    std::getline(fields, delay, ',');
    std::getline(fields, distance, ',');
    std::getline(fields, row.origin, ',');
    std::getline(fields, row.destination, ',');
    row.scheduled = parse_time(time);
    row.delay = std::stoi(delay);
    row.distance = std::stoi(distance);
    rows.push_back(row);
  }
  return rows;
}

/// Window start and origin.
using Pane = std::pair<Minutes, std::string>;

// The part of a line up to p95_delay_minutes, and the rest behind its value, without pane and timing.
struct Line {
  std::string head;
  std::string tail;
  int pane;
  std::string timing;
  auto key() const { return std::tie(head, tail, pane, timing); }
  friend bool operator<(const Line& a, const Line& b) { return a.key() < b.key(); }
};

Line line_of(const Pane& window, std::vector<Row> rows, int pane, const std::string& timing) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::tie(b.delay, a.scheduled, a.destination) < std::tie(a.delay, b.scheduled, b.destination);
  });
  double sum = 0;
  for (const Row& row : rows) sum += row.delay;
  Line line;
  line.head = "{\"window_start\":" + time_text(window.first) +
              ",\"window_end\":" + time_text(window.first + 3 * kHour) + ",\"origin\":\"" + window.second +
              "\",\"flights\":" + std::to_string(rows.size()) +
              ",\"mean_delay_minutes\":" + number_text(sum / static_cast<double>(rows.size()));
  for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 3); ++i) {
    line.tail += (i > 0 ? ",{" : "{") + std::string{"\"delay_minutes\":"} + std::to_string(rows[i].delay) +
                 ",\"scheduled_at\":" + time_text(rows[i].scheduled) + ",\"destination\":\"" + rows[i].destination +
                 "\"}";
  }
  line.tail = ",\"worst\":[" + line.tail + "]";
  line.pane = pane;
  line.timing = timing;
  return line;
}

/// What the demo shall write for one or more files.
struct Expected {
  std::map<Line, int> rows;  // with the exact 95 %
  std::map<Pane, Line> last;
  std::multiset<std::string> late;
};

int exact_p95(std::vector<Row> rows) {
  const auto rank = static_cast<std::ptrdiff_t>((95 * rows.size() + 99) / 100);
  std::nth_element(rows.begin(), rows.begin() + (rank - 1), rows.end(),
                   [](const Row& a, const Row& b) { return a.delay < b.delay; });
  return rows[static_cast<std::size_t>(rank) - 1].delay;
}

/// With several files the panes are those of one interleaving; last and late hold for all.
Expected model(const std::vector<std::vector<Row>>& files) {
  Expected expected;
  std::map<Pane, std::vector<Row>> contents;
  std::map<Pane, int> fired;
  const auto fire = [&](const Pane& window, const std::string& timing) {
    const Line line = line_of(window, contents[window], fired[window]++, timing);
    expected.rows[line] = exact_p95(contents[window]);
    expected.last[window] = line;
  };
  std::set<Pane> open;  // have not fired on time
  for (const std::vector<Row>& rows : files) {
    Minutes greatest = kNever;
    Minutes mark = kNever;
    for (const Row& row : rows) {
      bool taken = false;
      for (Minutes start = floor_hour(row.scheduled) - 2 * kHour; start <= row.scheduled; start += kHour) {
        if (start + 5 * kHour <= mark) continue;
        taken = true;
        const Pane window{start, row.origin};
        contents[window].push_back(row);
        if (start + 3 * kHour <= mark) {
          fire(window, "late");
        } else {
          open.insert(window);
        }
      }
      if (!taken) {
        expected.late.insert("{\"scheduled_at\":" + time_text(row.scheduled) + ",\"delay_minutes\":" +
                             std::to_string(row.delay) + ",\"distance_miles\":" + std::to_string(row.distance) +
                             ",\"origin\":\"" + row.origin + "\",\"destination\":\"" + row.destination +
                             "\",\"late_by_minutes\":" + std::to_string(mark - row.scheduled) + "}");
      }
      greatest = std::max(greatest, row.scheduled);
      mark = std::max(mark, floor_hour(greatest - 60));
      while (files.size() == 1 && !open.empty() && open.begin()->first + 3 * kHour <= mark) {
        fire(*open.begin(), "on_time");
        open.erase(open.begin());
      }
    }
  }
  for (const Pane& window : open) fire(window, "on_time");
  if (files.size() > 1) {
    for (auto& [window, rows] : contents) {
      expected.last[window] = line_of(window, rows, 0, "");
      expected.rows[expected.last[window]] = exact_p95(rows);
    }
  }
  return expected;
}

class FlightDelays : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path{testing::TempDir()} / ("flight_delays_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  struct Run {
    int exit_code;
    std::string out;
    std::string errors;
  };

  pid_t start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), FLIGHT_DELAYS_PROGRAM);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, (folder_ / "stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&files, 2, (folder_ / "stderr").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    pid_t child = 0;
    EXPECT_EQ(::posix_spawn(&child, argv[0], &files, nullptr, argv.data(), environ), 0) << argv[0];
    posix_spawn_file_actions_destroy(&files);
    return child;
  }
  Run finish(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status), text_of("stdout"), text_of("stderr")};
  }
  Run run(std::vector<std::string> arguments) { return finish(start(std::move(arguments))); }

  /// Runs with fresh directories for both outputs.
  Run run_to_files(std::vector<std::string> arguments) {
    fs::remove_all(output());
    fs::remove_all(late());
    arguments.insert(arguments.end(), {"--output", output(), "--late", late()});
    Run result = run(std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_EQ(result.errors, "");
    return result;
  }

  static std::vector<std::string> lines_below(const fs::path& folder) {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator{folder}) {
      const std::string name = entry.path().filename().string();
      EXPECT_FALSE(name.starts_with(".") || name.ends_with(".inprogress")) << name;
      for (std::string& line : lines_of(entry.path())) all.push_back(std::move(line));
    }
    return all;
  }

  /// The lines of the output with their p95.
  std::vector<std::pair<Line, double>> rows_written() const {
    std::vector<std::pair<Line, double>> rows;
    for (const std::string& line : lines_below(output())) {
      static const std::string kP95 = ",\"p95_delay_minutes\":";
      static const std::string kPane = ",\"pane\":";
      static const std::string kTiming = ",\"timing\":\"";
      const std::size_t p95 = line.find(kP95);
      const std::size_t worst = line.find(",\"worst\":");
      const std::size_t pane = line.rfind(kPane);
      const std::size_t timing = line.rfind(kTiming);
      if (p95 == line.npos || worst == line.npos || pane == line.npos || timing == line.npos ||
          !line.ends_with("\"}")) {
        ADD_FAILURE() << line;
        break;
      }
      const std::size_t timing_at = timing + kTiming.size();
      rows.emplace_back(
          Line{line.substr(0, p95), line.substr(worst, pane - worst), std::stoi(line.substr(pane + kPane.size())),
               line.substr(timing_at, line.size() - timing_at - 2)},
          std::stod(line.substr(p95 + kP95.size())));
    }
    return rows;
  }
  std::multiset<std::string> late_written() const {
    const std::vector<std::string> lines = lines_below(late());
    return {lines.begin(), lines.end()};
  }

  void expect_rows(const std::vector<std::pair<Line, double>>& written, const std::map<Line, int>& expected) const {
    EXPECT_EQ(written.size(), expected.size());
    std::set<Line> seen;
    int shown = 0;
    for (const auto& [line, p95] : written) {
      const auto at = expected.find(line);
      if (at == expected.end()) {
        ADD_FAILURE() << "not expected: " << line.head << line.tail << " pane " << line.pane << " " << line.timing;
        if (++shown == 5) return;
        continue;
      }
      EXPECT_TRUE(seen.insert(line).second) << "twice: " << line.head << line.tail << " pane " << line.pane;
      EXPECT_LE(std::abs(p95 - at->second), 0.01 * std::abs(at->second)) << line.head << line.tail;
    }
  }

  [[nodiscard]] std::string output() const { return folder_ / "output"; }
  [[nodiscard]] std::string late() const { return folder_ / "late"; }
  [[nodiscard]] std::string text_of(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream{folder_ / name}.rdbuf();
    return text.str();
  }

  fs::path folder_;
};

TEST_F(FlightDelays, OneFileGivesTheSamePanesForAnyShardsAndBatches) {
  const Expected expected = model({read_csv(FLIGHTS_CSV)});
  EXPECT_EQ(expected.late.size(), 28U);
  for (const char* shards : {"1", "2", "4", "8"}) {
    for (const char* batch : {"1", "7", "1024"}) {
      SCOPED_TRACE(std::string{"--shards "} + shards + " --batch " + batch);
      run_to_files({"--shards", shards, "--batch", batch});
      expect_rows(rows_written(), expected.rows);
      EXPECT_EQ(late_written(), expected.late);
    }
  }
}

TEST_F(FlightDelays, SpeedChangesTheTimeAndNothingElse) {
  const Expected expected = model({read_csv(FLIGHTS_CSV)});
  const Run fast = run_to_files({"--speed", "400000", "--json"});
  expect_rows(rows_written(), expected.rows);
  EXPECT_EQ(late_written(), expected.late);
  // 72 hours less one or two minutes, at 400,000 times real time.
  const std::size_t seconds = fast.out.find("\"seconds\":");
  ASSERT_NE(seconds, std::string::npos) << fast.out;
  EXPECT_GE(std::stod(fast.out.substr(seconds + 10)), 0.64) << fast.out;
}

TEST_F(FlightDelays, SeveralFilesArePacedTogether) {
  const std::vector<std::string> lines = lines_of(FLIGHTS_CSV);
  for (std::size_t half = 0; half < 2; ++half) {
    std::ofstream out{folder_ / ("half" + std::to_string(half) + ".csv")};
    out << lines[0] << '\n';
    for (std::size_t i = 1; i < lines.size(); ++i) {
      if ((i - 1) * 2 / (lines.size() - 1) == half) out << lines[i] << '\n';
    }
  }
  const Run result = run({"--input", folder_ / "half*.csv", "--speed", "400000", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_GE(std::stod(result.out.substr(result.out.find("\"seconds\":") + 10)), 0.6) << result.out;
}

TEST_F(FlightDelays, SeveralFilesGiveTheSameLastPanesAndLateFlights) {
  const std::vector<std::string> lines = lines_of(FLIGHTS_CSV);
  for (const bool in_turn : {false, true}) {
    constexpr std::size_t kParts = 3;
    std::vector<fs::path> paths;
    std::vector<std::vector<Row>> parts;
    for (std::size_t part = 0; part < kParts; ++part) {
      paths.push_back(folder_ / ("part" + std::to_string(part) + ".csv"));
      std::ofstream out{paths.back()};
      out << lines[0] << '\n';
      for (std::size_t i = 1; i < lines.size(); ++i) {
        if ((in_turn ? i % kParts : (i - 1) * kParts / (lines.size() - 1)) == part) out << lines[i] << '\n';
      }
      out.close();
      parts.push_back(read_csv(paths.back()));
    }
    const Expected expected = model(parts);
    std::map<Line, int> last;
    for (const auto& [window, line] : expected.last) last[line] = expected.rows.at(line);
    for (const auto& [shards, batch] : {std::pair{"1", "1024"}, {"2", "7"}, {"4", "1024"}}) {
      SCOPED_TRACE(std::string{in_turn ? "in turn" : "in thirds"} + " --shards " + shards + " --batch " + batch);
      run_to_files({"--input", folder_ / "part*.csv", "--shards", shards, "--batch", batch});
      std::map<std::string, std::pair<Line, double>> latest;  // by start, end and origin
      for (const auto& [line, p95] : rows_written()) {
        const std::string window = line.head.substr(0, line.head.find(",\"flights\""));
        const auto at = latest.find(window);
        if (at == latest.end() || at->second.first.pane < line.pane) latest[window] = {line, p95};
      }
      std::vector<std::pair<Line, double>> written;
      for (auto& [window, row] : latest) written.emplace_back(Line{row.first.head, row.first.tail, 0, ""}, row.second);
      expect_rows(written, last);
      EXPECT_EQ(late_written(), expected.late);
    }
  }
}

TEST_F(FlightDelays, JsonIsOneObjectAndTheTableStaysAway) {
  const Run result = run({"--json", "--output", output(), "--late", late()});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_TRUE(result.out.starts_with("{\"records\":45917,\"seconds\":")) << result.out;
  EXPECT_NE(result.out.find("\"late\":28,"), std::string::npos) << result.out;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
  // Latencies are those of this run, not the age of the machine.
  EXPECT_LT(std::stod(result.out.substr(result.out.find("\"max\":") + 6)), 60'000) << result.out;
}

TEST_F(FlightDelays, WithoutATerminalTheTableComesOnceAtTheEnd) {
  const Run result = run({"--speed", "400000"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.errors, "");
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos);
  EXPECT_TRUE(result.out.starts_with("The worst three hours of each airport")) << result.out;
  EXPECT_NE(result.out.find(" PHL   03-04 22:00-01:00      33    160.8"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("45,917 flights, 28 too late;"), std::string::npos) << result.out;
}

TEST_F(FlightDelays, InterruptedItFiresWhatItHasAndWritesWholeFiles) {
  const pid_t child = start({"--speed", "20000", "--output", output()});
  std::this_thread::sleep_for(std::chrono::milliseconds{1500});
  ASSERT_EQ(::kill(child, SIGINT), 0);
  const Run result = finish(child);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  const auto rows = rows_written();
  EXPECT_GT(rows.size(), 10U);
  EXPECT_LT(rows.size(), 12'000U);
}

// Killed and interrupted at any time, and started again with other options: every row is there once. Here it is the
// demo that is shown to do so; crash_kill kills more often.
TEST_F(FlightDelays, KilledAndStartedAgainItWritesEveryRowOnce) {
  const Expected expected = model({read_csv(FLIGHTS_CSV)});
  const std::vector<std::string> always{"--output",    output(),          "--late", late(),
                                        "--state-dir", folder_ / "state", "--json", "--checkpoint-interval",
                                        "20ms"};
  constexpr int kDisturbed = 8;
  std::minstd_rand random{17};
  Run last{1, {}, {}};
  int kills = 0;
  for (int life = 0; last.exit_code != 0 && life < 100; ++life) {
    std::vector<std::string> arguments = always;
    arguments.insert(arguments.end(), {"--shards", std::to_string(1 + random() % 4), "--batch",
                                       random() % 2 == 0 ? "1024" : "50", "--rate", "60000"});
    const pid_t child = start(std::move(arguments));
    if (life < kDisturbed) {
      std::this_thread::sleep_for(std::chrono::milliseconds{random() % 120});
      ::kill(child, life % 4 == 3 ? SIGINT : SIGKILL);
    }
    last = finish(child);
    kills += last.exit_code == 1000 + SIGKILL ? 1 : 0;
    // Stopped in good order, not at its end.
    if (last.exit_code == 0 && life % 4 == 3 && life < kDisturbed) last.exit_code = -1;
    // SIGINT may come before the job looks for it.
    const bool killed = last.exit_code == 1000 + SIGKILL || last.exit_code == 1000 + SIGINT;
    ASSERT_TRUE(last.exit_code <= 0 || killed) << last.exit_code << last.errors;
  }
  EXPECT_EQ(last.exit_code, 0) << last.errors;
  EXPECT_GT(kills, 1);
  expect_rows(rows_written(), expected.rows);
  EXPECT_EQ(late_written(), expected.late);

  // It has ended: once more it has nothing to do.
  const Run again = run(always);
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_TRUE(again.out.starts_with("{\"records\":0,")) << again.out;
  expect_rows(rows_written(), expected.rows);
}

TEST_F(FlightDelays, RefusesWithAReason) {
  std::ofstream{folder_ / "full.txt"} << "mine\n";
  const std::string missing = folder_ / "missing.csv";
  struct Case {
    std::vector<std::string> arguments;
    int exit_code;
    std::string reason;
  };
  for (const Case& c : std::vector<Case>{
           {{"--input", missing}, 1, "no file matches '" + missing + "'"},
           {{"--output", folder_}, 1, "holds files already"},
           {{"--late", folder_}, 1, "holds files already"},
           {{"--output", output(), "--late", output() + "/"}, 2, "another directory than --output"},
           {{"--output", output(), "--late", output() + "/late"}, 2, "beside it and not inside"},
           {{"--output", ""}, 2, "needs a path"},
           {{"--output", folder_ / "full.txt"}, 1, "--output takes a new or empty directory"},
           {{"--input", folder_ / "full.txt"}, 1, "--input takes CSV files"},
           {{"--shards", "0"}, 2, "--shards"},
           {{"--batch", "1025"}, 2, "--batch"},
           {{"--speed", "-1"}, 2, "neither a positive number nor max"},
           {{"--sped", "1"}, 2, "--sped"},
           {{"--rate", "0"}, 2, "--rate"},
           {{"--rate", "5", "--speed", "5"}, 2, "exclude each other"},
           {{"--checkpoint-interval", "5"}, 2, "no time such as 100ms"},
           {{"--state-dir", output(), "--output", output()}, 2, "a directory beside those"},
           {{"--state-dir", folder_ / "full.txt"}, 1, "--state-dir takes a directory"},
       }) {
    const Run result = run(c.arguments);
    EXPECT_EQ(result.exit_code, c.exit_code) << c.arguments[0] << result.errors;
    EXPECT_NE(result.errors.find(c.reason), std::string::npos) << c.arguments[0] << ": " << result.errors;
    EXPECT_EQ(result.out, "") << c.arguments[0];
  }
  EXPECT_EQ(text_of("full.txt"), "mine\n");
}

}  // namespace
