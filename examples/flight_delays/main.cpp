// The demo: where did a winter storm delay flights? 45,917 US flights of March 2001, read in the order in which their
// reports came in, become delays by airport in sliding windows of event time. flow_of() below is the whole program;
// the rest is about options and the terminal.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <millstream/connectors/file.hpp>
#include <millstream/millstream.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "flight.hpp"
#include "options.hpp"
#include "paced_source.hpp"
#include "report.hpp"
#include "worst_airports.hpp"

using namespace std::chrono_literals;

namespace {

bool is_less_bad(const Flight& a, const Flight& b) {
  return std::tie(a.delay_minutes, b.scheduled_at, b.destination) <
         std::tie(b.delay_minutes, a.scheduled_at, a.destination);
}

LateFlight to_late_flight(const ms::Late<Flight>& late) {
  const auto& [scheduled_at, delay, distance, origin, destination] = late.record;
  return {scheduled_at, delay,       distance,
          origin,       destination, std::chrono::floor<std::chrono::minutes>(late.late_by).count()};
}

ms::Dataflow flow_of(const Options& options, std::shared_ptr<WorstAirports> table) {
  ms::Dataflow flow{"flight-delays"};
  auto windows = flow.from(PacedFlights{ms::file::source<Flight>({.path = options.input}), options.speed, options.rate})
                     .named("flights")
                     .event_time(&Flight::scheduled_at, ms::bounded_disorder(60min))
                     .key_by(&Flight::origin)
                     .window(ms::sliding(3h, 1h))
                     .allowed_lateness(2h)
                     .accumulating()
                     .aggregate(ms::all_of(ms::count(), ms::mean(&Flight::delay_minutes),
                                           ms::quantile(&Flight::delay_minutes, 0.95), ms::top_n(3, is_less_bad)))
                     .named("delays");
  auto delays = windows.map([](const auto& window) {
    const auto& [flights, mean, p95, worst] = window.value;
    Delays row{window.window_start, window.window_end, window.key, flights, mean, p95, {}, window.pane, window.timing};
    for (const Flight& f : worst) row.worst.push_back({f.delay_minutes, f.scheduled_at, f.destination});
    return row;
  });
  delays.to(TableSink{std::move(table)});
  if (options.output) delays.to(ms::file::sink<Delays>({.directory = *options.output})).named("output");
  if (options.late) {
    windows.side_output(ms::late_records<Flight>)
        .map(to_late_flight)
        .to(ms::file::sink<LateFlight>({.directory = *options.late}))
        .named("late");
  }
  return flow;
}

/// The table can be redrawn in place: on a terminal that is large enough.
bool can_redraw() {
  const char* const kind = std::getenv("TERM");
  winsize size{};
  return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && std::string_view{kind} != "dumb" &&
         ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 80 && size.ws_row > WorstAirports::kLines + 2;
}

/// A message of the library without what it says to programmers.
std::string in_our_words(std::string_view message) {
  struct Words {
    std::string_view theirs;
    std::string_view ours;
  };
  constexpr Words kWords[] = {
      {"; to go on without such records set on_bad_record to kSkip or kDeadLetter", "; mend this line or remove it"},
      {", name an empty or new directory, or keep them with .existing = Existing::kKeep",
       ", or name an empty or new directory"},
      {"; name a folder in .directory that this process may make and write to", ""},
      {"; name a folder in .directory", ""}};
  std::string text{message};
  for (const auto& [theirs, ours] : kWords) {
    if (const std::size_t at = text.find(theirs); at != text.npos) text.replace(at, theirs.size(), ours);
  }
  return text;
}

/// What to do about a failure, in the words of the command line.
std::string_view advice(std::string_view reason) {
  if (reason.find("'flights'") != reason.npos) return "--input takes CSV files with the columns of examples/data";
  if (reason.find("'output'") != reason.npos) return "--output takes a new or empty directory that you may write to";
  // What a damaged or contradicting folder says is complete.
  if (reason.find("the decision names") != reason.npos) return "";
  if (reason.find("state_dir") != reason.npos) return "--state-dir takes a directory that only this program writes to";
  if (reason.find("'late'") != reason.npos) return "--late takes a new or empty directory that you may write to";
  return "";
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const std::optional<Options> options = parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  const auto table = std::make_shared<WorstAirports>();
  const bool live = !options->json && can_redraw();
  ms::Job job = ms::start(flow_of(*options, table), {.shards = options->shards,
                                                     .batch = options->batch,
                                                     .state_dir = options->state_dir.value_or(""),
                                                     .checkpoint = {.interval = options->checkpoint_interval},
                                                     .handle_signals = true,
                                                     .progress_line = !live && !options->json,
                                                     .log = [print = ms::stderr_log()](ms::LogLevel level, auto text) {
                                                       print(level, in_our_words(text));
                                                     }});
  std::ptrdiff_t drawn_lines = 0;
  const auto draw = [&](const std::string& below) {
    const std::string text = table->table() + below;
    if (drawn_lines > 0) std::printf("\x1b[%tdA\x1b[J", drawn_lines);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    drawn_lines = live ? std::count(text.begin(), text.end(), '\n') : 0;
  };
  while (!job.wait_for(250ms)) {
    if (live) draw(progress_text(job.metrics()));
  }
  const ms::JobResult result = job.wait();
  if (result.ok() && options->json) std::puts(report_json(result.metrics).c_str());
  if (result.ok() && !options->json) draw(report_text(result.metrics));
  if (const std::string_view text = advice(result.status.message()); !result.ok() && !text.empty()) {
    std::fprintf(stderr, "flight_delays: %s\n", std::string{text}.c_str());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("flight_delays: cannot write to standard output: is it closed, or its disk full?\n", stderr);
    return 1;
  }
  return result.exit_code();
}
