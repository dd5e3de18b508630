// The resolver: walks the written and the present schema side by side, notes what differs, and builds the program that
// rewrites values on the way.
#include "millstream/codec/schema_resolution.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <tuple>
#include <utility>

#include "codec/conversion.hpp"
#include "codec/schema_type.hpp"
#include "core/guarded_call.hpp"

namespace millstream::inline v0 {
namespace {

using detail::ConversionProgram;
using detail::SchemaType;
using Step = detail::ConversionStep;

constexpr int kMigrationsMax = 64;  // types whose Migrations go in a circle end somewhere

struct Difference {
  char sign;  // '+', '-', '~'; '=' for a migrate, which is a way and no difference
  std::string line;
  std::string_view refusal;  // why it keeps the state from being read; empty where it does not
};

/// How far a version of a type is from what was written: what has no way counts first.
std::pair<std::size_t, std::size_t> distance(const std::vector<Difference>& differences) {
  std::pair<std::size_t, std::size_t> sum{0, 0};
  for (const Difference& each : differences) {
    sum.first += each.refusal.empty() ? 0 : 1;
    sum.second += each.sign == '=' ? 0 : 1;
  }
  return sum;
}

class Resolver {
 public:
  explicit Resolver(ConversionProgram& program) : program_{program} {}

  /// The step that makes of a value of `written` one of `now`, or only reads it where that is null.
  const Step* resolve(const Schema& written, const Schema* now);
  [[nodiscard]] const std::vector<Difference>& differences() const noexcept { return differences_; }

 private:
  using Structs = std::vector<const Schema*>;  // around a place, outermost first

  struct Known {
    Step* step = nullptr;
    bool refused = false;
  };

  void value(const Schema& written, const Schema* now, Step& step);
  void try_migration(const Schema& written, const Schema& now, std::size_t before, Step& step);
  void structure(const Schema& written, const Schema* now, Step& step);
  void fields(const Schema& written, const Schema* now, Step& step);
  void enumerators(const Schema& written, const Schema& now);
  void opaque(const Schema& written, const Schema* now, Step& step);
  void part(const Schema& written, const Schema* now, std::size_t i, std::string_view suffix, Step& step);
  std::vector<std::string> defaults(const Schema& now);

  void note(char sign, std::string_view name, std::string_view what, std::string_view refusal = {});
  void changed(const Schema& written, const Schema& now) {
    note('~', {}, written.to_string() + " -> " + now.to_string(), "needs a migrate");
  }

  ConversionProgram& program_;
  std::map<std::tuple<const Schema*, const Schema*, bool>, Known> known_;
  std::deque<Schema> sources_;  // of migrations
  std::vector<Difference> differences_;
  Structs written_structs_;
  Structs now_structs_;
  std::string path_;
  bool in_key_ = false;
  int migrations_ = 0;  // between `now` and here
};

/// A schema, or the struct that it refers to by "recursive(N)"; `structs` become those around that.
const Schema& follow(const Schema& schema, std::vector<const Schema*>& structs) {
  const auto type = detail::parse_schema_type(schema.type);
  if (!type || type->kind != SchemaType::Kind::kRecursive || type->count == 0 || type->count > structs.size()) {
    return schema;
  }
  const Schema& target = *structs[structs.size() - type->count];
  structs.resize(structs.size() - type->count);
  return target;
}

std::uint64_t size_of(detail::ScalarType type) {
  using enum detail::ScalarType;
  switch (type) {
    case kBool:
    case kChar:
    case kI8:
    case kU8:
      return 1;
    case kI16:
    case kU16:
      return 2;
    case kI32:
    case kU32:
    case kF32:
      return 4;
    case kI64:
    case kU64:
    case kF64:
      return 8;
  }
  return 0;
}

void Resolver::note(char sign, std::string_view name, std::string_view what, std::string_view refusal) {
  std::string line = std::string(1, sign == '=' ? '~' : sign) + " " + path_;
  if (!path_.empty() && !name.empty()) line += ".";
  line.append(name);
  if (path_.empty() && name.empty()) line += "value";
  line.append(": ").append(what);
  if (refusal.empty() && in_key_ && sign != '=') refusal = "it decides equality, so it cannot change";
  differences_.push_back({sign, std::move(line), refusal});
}

const Step* Resolver::resolve(const Schema& written, const Schema* now) {
  const Structs outer_written = written_structs_;
  const Structs outer_now = now_structs_;
  const Schema& from = follow(written, written_structs_);
  const Schema* const to = now == nullptr ? nullptr : &follow(*now, now_structs_);
  const auto [known, added] = known_.try_emplace({&from, to, in_key_});
  Known& entry = known->second;
  if (added) {
    entry.step = &program_.emplace_back();
    const std::size_t before = differences_.size();
    value(from, to, *entry.step);
    if (to != nullptr && differences_.size() > before) try_migration(from, *to, before, *entry.step);
    entry.refused = std::any_of(differences_.begin() + static_cast<std::ptrdiff_t>(before), differences_.end(),
                                [](const Difference& each) { return !each.refusal.empty(); });
  } else if (entry.refused) {
    note('~', {}, "as above", "needs a migrate");
  }
  written_structs_ = outer_written;
  now_structs_ = outer_now;
  return entry.step;
}

// `step` and the differences from `before` on are those of the way without it.
void Resolver::try_migration(const Schema& written, const Schema& now, std::size_t before, Step& step) {
  if (now.hooks == nullptr || now.hooks->before == nullptr || in_key_ || migrations_ == kMigrationsMax) return;
  const auto begin = differences_.begin() + static_cast<std::ptrdiff_t>(before);
  std::vector<Difference> direct(begin, differences_.end());
  differences_.erase(begin, differences_.end());

  const Structs outer = std::exchange(now_structs_, {});
  ++migrations_;
  const Schema& source = sources_.emplace_back(now.hooks->before());
  const Step* const first = resolve(written, &source);
  --migrations_;
  now_structs_ = outer;

  const std::vector<Difference> migrated(differences_.begin() + static_cast<std::ptrdiff_t>(before),
                                         differences_.end());
  // Of two that both cannot be read the difference to what the migrate takes says more.
  const bool better = distance(direct).first > 0 && distance(migrated).first <= distance(direct).first;
  if (better || distance(migrated) < distance(direct)) {
    step = {};
    step.kind = Step::Kind::kMigrate;
    step.hooks = now.hooks;
    step.parts = {first};
    note('=', {}, "by its migrate");
  } else {
    differences_.resize(before);
    differences_.insert(differences_.end(), direct.begin(), direct.end());
  }
}

void Resolver::value(const Schema& written, const Schema* now, Step& step) {
  const auto type = detail::parse_schema_type(written.type);
  const bool known = type && type->may_have(written.fields.size()) && type->kind != SchemaType::Kind::kRecursive;
  const bool same_shape =
      now == nullptr ||
      (now->type == written.type && (now->fields.size() == written.fields.size() || (type && type->named_fields())));
  if (!known || !same_shape) {
    now == nullptr ? note('-', {}, written.to_string(), "it is no schema") : changed(written, *now);
    return;
  }
  using enum SchemaType::Kind;
  const bool outer_key = in_key_;
  switch (type->kind) {
    case kScalar:
    case kTimestamp:
    case kDuration:
      step.size = size_of(type->scalar);
      break;
    case kOrdered:
      step.size = sizeof(std::int64_t);
      break;
    case kEnum:
      step.size = size_of(type->scalar);
      if (now != nullptr) enumerators(written, *now);
      break;
    case kEmpty:
      step.size = 1;
      break;
    case kString:
      step.kind = Step::Kind::kString;
      break;
    case kStruct:
      structure(written, now, step);
      break;
    case kOptional:
      step.kind = Step::Kind::kOptional;
      part(written, now, 0, {}, step);
      break;
    case kSequence:
      step.kind = Step::Kind::kSequence;
      in_key_ = in_key_ || written.type == "set";
      part(written, now, 0, "[]", step);
      break;
    case kMap:
      step.kind = Step::Kind::kSequence;
      in_key_ = true;
      part(written, now, 0, "[key]", step);
      in_key_ = outer_key;
      part(written, now, 1, "[]", step);
      break;
    case kArray:
      step.kind = type->count == 0 ? Step::Kind::kFixed : Step::Kind::kArray;
      step.size = type->count == 0 ? 1 : type->count;
      part(written, now, 0, "[]", step);
      break;
    case kTuple:
    case kVariant:
      step.kind = type->kind == kVariant   ? Step::Kind::kVariant
                  : written.fields.empty() ? Step::Kind::kFixed
                                           : Step::Kind::kTuple;
      step.size = 1;
      for (std::size_t i = 0; i < written.fields.size(); ++i) part(written, now, i, "." + std::to_string(i), step);
      break;
    case kOpaque:
      opaque(written, now, step);
      break;
    case kRecursive:
      break;
  }
  in_key_ = outer_key;
}

void Resolver::part(const Schema& written, const Schema* now, std::size_t i, std::string_view suffix, Step& step) {
  const std::size_t length = path_.size();
  path_.append(path_.empty() && suffix.starts_with('.') ? suffix.substr(1) : suffix);
  step.parts.push_back(resolve(written.fields[i].schema, now == nullptr ? nullptr : &now->fields[i].schema));
  path_.resize(length);
}

void Resolver::opaque(const Schema& written, const Schema* now, Step& step) {
  step.kind = Step::Kind::kOpaque;
  step.hooks = now != nullptr ? now->hooks : written.hooks;
  if (step.hooks != nullptr ? step.hooks->skip == nullptr : now == nullptr) {
    note('~', {}, written.to_string(), "only its own codec knows where it ends; needs a migrate");
  }
}

// A number means what its name says, so names may come, yet none may go.
void Resolver::enumerators(const Schema& written, const Schema& now) {
  if (!std::all_of(written.fields.begin(), written.fields.end(), [&](const SchemaField& name) {
        return std::find(now.fields.begin(), now.fields.end(), name) != now.fields.end();
      })) {
    changed(written, now);
    return;
  }
  for (const SchemaField& name : now.fields) {
    if (std::find(written.fields.begin(), written.fields.end(), name) != written.fields.end()) continue;
    note('+', name.name, name.schema.type);
  }
}

void Resolver::structure(const Schema& written, const Schema* now, Step& step) {
  step.kind = Step::Kind::kStruct;
  written_structs_.push_back(&written);
  if (now != nullptr) now_structs_.push_back(now);
  fields(written, now, step);
  written_structs_.pop_back();
  if (now != nullptr) now_structs_.pop_back();
}

void Resolver::fields(const Schema& written, const Schema* now, Step& step) {
  const bool fixed = now != nullptr && now->hooks != nullptr && now->hooks->write_default == nullptr;
  const bool from_text = now != nullptr && now->hooks == nullptr;
  const std::string_view refusal = fixed       ? "Millstream's own, of another version"
                                   : from_text ? "its type is not known"
                                               : "";
  if (now != nullptr) step.fields.resize(now->fields.size());
  for (std::size_t i = 0; i < written.fields.size(); ++i) {
    const SchemaField& field = written.fields[i];
    std::size_t to = 0;
    while (now != nullptr && to < now->fields.size() &&
           (now->fields[to].name != field.name || step.fields[to].part != Step::kDefault)) {
      ++to;
    }
    const Schema* kept = nullptr;
    if (now != nullptr && to < now->fields.size()) {
      kept = &now->fields[to].schema;
      step.fields[to].part = i;
    } else if (now != nullptr) {
      note('-', field.name, field.schema.to_string(), refusal);
    }
    const std::size_t length = path_.size();
    if (!fixed) path_.append(path_.empty() ? "" : ".").append(field.name);  // the user does not know the engine's names
    step.parts.push_back(resolve(field.schema, kept));
    path_.resize(length);
  }
  // What has nothing to write is one zero byte.
  if (written.fields.empty()) {
    Step& zero = program_.emplace_back();
    zero.size = 1;
    step.parts.push_back(&zero);
  }
  if (now == nullptr) return;
  if (now->fields.empty()) step.fields.push_back({Step::kDefault, std::string(1, '\0')});
  std::vector<std::string> values;
  std::size_t last = 0;
  for (std::size_t i = 0; i < now->fields.size(); ++i) {
    Step::Field& field = step.fields[i];
    if (field.part != Step::kDefault) {
      step.in_order = step.in_order && field.part >= last;
      last = field.part;
      continue;
    }
    note('+', now->fields[i].name, now->fields[i].schema.to_string(), refusal);
    if (!refusal.empty()) continue;
    if (values.empty()) values = defaults(*now);
    field.bytes = values[i];
  }
}

// The fields of a T{}, each as its bytes.
std::vector<std::string> Resolver::defaults(const Schema& now) {
  std::string bytes;
  {
    ByteWriter out{bytes};
    now.hooks->write_default(out);
  }
  ByteReader in{bytes};
  std::vector<std::string> values(now.fields.size());
  const Structs outer = std::exchange(written_structs_, now_structs_);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t begin = bytes.size() - in.remaining();
    if (!detail::run_conversion(*resolve(now.fields[i].schema, nullptr), in, nullptr)) {
      note('+', now.fields[i].name, now.fields[i].schema.to_string(), "its codec does not read its default");
      break;
    }
    values[i] = bytes.substr(begin, bytes.size() - in.remaining() - begin);
  }
  written_structs_ = outer;
  return values;
}

std::string lines_of(const std::vector<Difference>& differences, bool with_refusals) {
  std::string lines;
  for (const Difference& each : differences) {
    if (!lines.empty()) lines += "\n";
    lines += each.line;
    if (with_refusals && !each.refusal.empty()) lines.append(" (").append(each.refusal).append(")");
  }
  return lines;
}

}  // namespace

Result<StateConversion> resolve_schema(const Schema& written, const Schema& now) {
  const auto program = std::make_shared<ConversionProgram>();
  const Step* first = nullptr;
  Resolver resolver{*program};
  const Status resolved = guarded_call([&] {
    first = resolver.resolve(written, &now);
    return Status{};
  });
  if (!resolved.ok()) return resolved.at("making the default of an added field");
  const std::vector<Difference>& differences = resolver.differences();
  if (distance(differences).first > 0) return Status{ErrorCode::kInvalidArgument, lines_of(differences, true)};
  return StateConversion{lines_of(differences, false), [program, first](std::string_view saved, std::string& result) {
                           result.clear();
                           ByteReader in{saved};
                           bool good = false;
                           const Status ran = guarded_call([&] {
                             good = detail::run_conversion(*first, in, &result) && in.remaining() == 0;
                             return Status{};
                           });
                           if (!ran.ok()) return ran.at("migrate");
                           if (good) return Status{};
                           return Status{ErrorCode::kInvalidData, "its bytes are no value of the saved schema"};
                         }};
}

}  // namespace millstream::inline v0
