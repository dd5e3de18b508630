// Commands and options by CLI11, each with an example in its help.
#include "tools/command_line.hpp"

#include <CLI/CLI.hpp>

#include "millstream/codec/schema_json.hpp"

namespace millstream::tools {
namespace {

using Verb = Command::Verb;

class Parser {
 public:
  explicit Parser(Command& command) : command_{command} {
    app_.require_subcommand(1);
    app_.footer(
        "Exit code: 0 all is well, 1 damaged or not found, 2 wrong usage.\n"
        "Examples:\n  millstream checkpoint list state\n  millstream state scan state spend/panes");
    add_checkpoint_commands();
    add_state_commands();
  }

  CLI::App& app() { return app_; }

 private:
  CLI::App* add(CLI::App& above, Verb verb, const std::string& name, const std::string& what,
                const std::string& example) {
    CLI::App* const app = above.add_subcommand(name, what);
    app->footer("Example:\n  " + example);
    app->add_option("DIR", command_.folder, "State folder of a job, which may be running, or a savepoint")->required();
    app->callback([this, verb] { command_.verb = verb; });
    return app;
  }
  void add_checkpoint_commands() {
    CLI::App* const group = app_.add_subcommand("checkpoint", "Checkpoints in a state folder");
    group->require_subcommand(1);
    group->footer("Examples:\n  millstream checkpoint list state\n  millstream checkpoint verify state 7");
    const char* const by_default = "Id of a checkpoint [the newest committed one]";
    CLI::App* app = add(*group, Verb::kCheckpointList, "list", "What is there, and what became of it",
                        "millstream checkpoint list state --json");
    app->add_flag("--json", command_.json, "One JSON object a line");
    app = add(*group, Verb::kCheckpointShow, "show", "What a checkpoint names", "millstream checkpoint show state 7");
    app->add_option("ID", command_.checkpoint, by_default);
    app->add_flag("--json", command_.json, "The manifest as one line of JSON");
    app = add(*group, Verb::kCheckpointVerify, "verify", "Read every file of a checkpoint to its end",
              "millstream checkpoint verify state");
    app->add_option("ID", command_.checkpoint, "Id of a checkpoint [all of them]");
    app = add(*group, Verb::kCheckpointDiff, "diff", "What changed from one checkpoint to another",
              "millstream checkpoint diff state 6 7");
    app->add_option("FROM", command_.checkpoint, "Id of a checkpoint")->required();
    app->add_option("TO", command_.other, "Id of another one")->required();
  }
  void add_state_commands() {
    CLI::App* const group = app_.add_subcommand("state", "Keyed state in a checkpoint");
    group->require_subcommand(1);
    group->footer(
        "STATE is STAGE/STATE as 'state list' prints it. Keys and values are JSON by their schema, or {\"hex\":...}.\n"
        "Examples:\n  millstream state list state\n  millstream state get state spend/panes '\"card-7\"'");
    const auto add_state = [&](Verb verb, const char* name, const char* what, const char* example) {
      CLI::App* const app = add(*group, verb, name, what, example);
      app->add_option("--checkpoint", command_.checkpoint, "Id [the newest committed one]")->type_name("ID");
      if (verb != Verb::kStateList) app->add_option("STATE", command_.state, "STAGE/STATE")->required();
      return app;
    };
    CLI::App* app = add_state(Verb::kStateList, "list", "The states and how many entries they have",
                              "millstream state list state --json");
    app->add_flag("--json", command_.json, "One JSON object a line");
    app =
        add_state(Verb::kStateGet, "get", "The entry of a key", "millstream state get state spend/panes '\"card-7\"'");
    app->add_option("KEY", command_.key, "The key as JSON; a text has its quotes")->required();
    app =
        add_state(Verb::kStateScan, "scan", "The first entries", "millstream state scan state spend/panes --limit 10");
    app->add_option("--limit", command_.entries_max, "Entries at the most")->capture_default_str()->type_name("N");
    add_state(Verb::kStateExport, "export", "All entries, with their state and key group",
              "millstream state export state spend/panes > panes.jsonl");
  }

  Command& command_;
  CLI::App app_{"Looks into the state folder of a Millstream job. It changes nothing, and the job may run meanwhile.",
                "millstream"};
};

}  // namespace

std::optional<Command> parse_command(int argc, char** argv, int& exit_code) {
  Command command;
  Parser parser{command};
  try {
    parser.app().parse(argc, argv);
    if (command.verb == Verb::kStateGet) {
      Result<std::string> key = compact_json(command.key);
      if (!key) {
        throw CLI::ValidationError{"KEY", key.error().message() + "; write a text with its quotes: '\"card-7\"'"};
      }
      command.key = *std::move(key);
    }
  } catch (const CLI::ParseError& error) {
    exit_code = parser.app().exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  return command;
}

}  // namespace millstream::tools
