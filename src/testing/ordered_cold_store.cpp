#include "testing/ordered_cold_store.hpp"

#include <algorithm>
#include <boost/describe/class.hpp>
#include <iterator>
#include <optional>
#include <utility>

#include "core/private_file.hpp"
#include "millstream/codec/codec.hpp"
#include "millstream/core/assert.hpp"
#include "millstream/core/checksum.hpp"

namespace millstream::inline v0::testing {
namespace {

constexpr std::string_view kEngine = "ordered";

// A run: what a round, or a merge, has put and removed, by the names of columns, for numbers may change at the next
// start.
struct RunColumn {
  std::string name;
  std::vector<std::pair<std::string, std::string>> ranges;
  std::vector<std::pair<std::string, std::optional<std::string>>> points;
};
BOOST_DESCRIBE_STRUCT(RunColumn, (), (name, ranges, points))

void apply_changes(const RunColumn& changes, std::map<std::string, std::string, std::less<>>& to) {
  for (const auto& [first, end] : changes.ranges) to.erase(to.lower_bound(first), to.lower_bound(end));
  for (const auto& [key, value] : changes.points) {
    if (value) {
      to.insert_or_assign(key, *value);
    } else {
      to.erase(key);
    }
  }
}

}  // namespace

OrderedColdStore::OrderedColdStore(FileSystem& files, ColdStoreOptions options)
    : files_{files}, options_{std::move(options)}, columns_(options_.columns.size()) {}

Result<std::unique_ptr<OrderedColdStore>> OrderedColdStore::open(FileSystem& files, ColdStoreOptions options) {
  const Result<ColdImage> base = begin_cold_store(files, options, kEngine, ColdCheck::kSizes);
  if (!base) return base.error();
  std::unique_ptr<OrderedColdStore> store{new OrderedColdStore{files, std::move(options)}};
  if (Status s = store->load(*base); !s.ok()) return s.at("opening the cold store " + store->options_.folder);
  const auto wanted = [&](const std::string& name) {
    const std::vector<std::string>& columns = store->options_.columns;
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  // Else what a column had that is dropped here would be back when one of that name is made again.
  if (!std::all_of(base->columns.begin(), base->columns.end(), wanted)) {
    if (Status s = store->rewrite(); !s.ok()) return s;
  }
  return store;
}

Status OrderedColdStore::load(const ColdImage& base) {
  for (const ColdImageFile& file : base.files) {
    const Result<std::string> bytes = read_private_file(files_, path_of(file.name), file.size_bytes);
    if (!bytes) return bytes.error();
    std::vector<RunColumn> changed;
    if (Checksum::of(*bytes) != file.checksum || !decode_value(*bytes, changed)) {
      return {ErrorCode::kInvalidData, path_of(file.name) + ": the file is damaged; begin from another checkpoint"};
    }
    for (const RunColumn& changes : changed) {
      const auto column = std::find(options_.columns.begin(), options_.columns.end(), changes.name);
      if (column == options_.columns.end()) continue;
      apply_changes(changes, columns_[static_cast<std::size_t>(column - options_.columns.begin())]);
    }
    runs_.push_back({file.name, file.size_bytes, file.checksum});
    next_run_ = std::max(next_run_, std::uint64_t{std::strtoull(file.name.c_str(), nullptr, 10)} + 1);
  }
  return {};
}

std::string OrderedColdStore::path_of(std::string_view name) const {
  std::string path = options_.folder;
  return path.append("/").append(name);
}

Status OrderedColdStore::fail(Status why) {
  failure_ = why.at("cold store " + options_.folder);
  return failure_;
}

Status OrderedColdStore::room() {
  if (!failure_.ok()) return failure_;
  if (runs_.size() < kColdRunsMax) return {};
  return {ErrorCode::kUnavailable,
          "cold store " + options_.folder + ": " + std::to_string(runs_.size()) + " runs to merge; wait"};
}

Status OrderedColdStore::write_run(std::string_view bytes) {
  constexpr std::size_t kDigits = 12;
  std::string name = std::to_string(next_run_++) + ".run";
  name.insert(0, kDigits + 4 - name.size(), '0');
  const Run run{std::move(name), bytes.size(), Checksum::of(bytes)};
  Result<std::unique_ptr<WritableFile>> file = files_.create_private(path_of(run.name));
  if (!file) return file.error();
  Status written = (*file)->append(bytes);
  if (written.ok()) written = (*file)->sync();
  if (written.ok()) written = (*file)->close();
  if (!written.ok()) {
    static_cast<void>(files_.remove(path_of(run.name)));
    return written;
  }
  const std::scoped_lock lock{mutex_};
  runs_.push_back(run);
  return {};
}

Status OrderedColdStore::ingest(const ColdRound& round) {
  MILLSTREAM_ASSERT(round.bytes() <= kColdRoundBytesMax);
  if (!failure_.ok()) return failure_;
  if (round.empty()) return {};
  const SortedColdRound sorted{round};
  std::vector<RunColumn> changed;
  for (const SortedColdRound::Column& column : sorted.columns()) {
    MILLSTREAM_ASSERT(column.number < columns_.size());
    RunColumn& changes = changed.emplace_back();
    changes.name = options_.columns[column.number];
    for (const SortedColdRound::Change& range : column.ranges) changes.ranges.emplace_back(range.key(), range.value());
    for (const SortedColdRound::Change& point : column.points) {
      auto& added = changes.points.emplace_back(point.key(), std::nullopt);
      if (point.kind() == ColdChanges::Kind::kPut) added.second = point.value();
    }
  }
  std::string bytes;
  encode_value(changed, bytes);
  if (Status s = write_run(bytes); !s.ok()) return fail(s.at("ingesting a round"));
  const std::scoped_lock lock{mutex_};
  for (std::size_t i = 0; i < changed.size(); ++i) apply_changes(changed[i], columns_[sorted.columns()[i].number]);
  ++rounds_;
  round_bytes_ += round.bytes();
  return {};
}

Status OrderedColdStore::merge() {
  if (!failure_.ok()) return failure_;
  return runs_.size() < 2 ? Status{} : rewrite();
}

Status OrderedColdStore::rewrite() {
  std::vector<RunColumn> all;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    RunColumn& column = all.emplace_back();
    column.name = options_.columns[i];
    column.points.assign(columns_[i].begin(), columns_[i].end());
  }
  std::string bytes;
  encode_value(all, bytes);
  const std::size_t old = runs_.size();
  if (Status s = write_run(bytes); !s.ok()) return fail(s.at("merging files"));
  // One that cannot be removed is in no image, and goes when the folder is emptied.
  for (std::size_t i = 0; i < old; ++i) static_cast<void>(files_.remove(path_of(runs_[i].name)));
  const std::scoped_lock lock{mutex_};
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(old));
  return {};
}

Result<std::vector<ColdImageFile>> OrderedColdStore::link(const std::string& folder) {
  if (!failure_.ok()) return failure_;
  ColdImage image{std::string{kEngine}, "1", options_.columns, {}};
  for (const Run& run : runs_) image.files.push_back({run.name, run.size_bytes, run.checksum, true});
  return write_cold_image(files_, folder, options_.folder, std::move(image), {});
}

Status OrderedColdStore::touch_disk() {
  const Result<FileInfo> info = files_.info(options_.folder);
  return info ? Status{} : info.error().at("cold store " + options_.folder + ": reading");
}

Status OrderedColdStore::get(std::uint32_t column, const ColdKeys& keys, ColdAnswer& answer) {
  MILLSTREAM_ASSERT(column < columns_.size());
  answer.clear();
  if (Status s = touch_disk(); !s.ok()) return s;
  const std::scoped_lock lock{mutex_};
  const Column& in = columns_[column];
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto found = in.find(keys[i]);
    if (found == in.end()) {
      answer.add_missing();
    } else {
      answer.add({}, found->second);
    }
  }
  return {};
}

Status OrderedColdStore::scan(std::uint32_t column, std::string_view first, std::string_view end, ColdPiece piece,
                              ColdAnswer& answer) {
  MILLSTREAM_ASSERT(column < columns_.size());
  answer.clear();
  if (Status s = touch_disk(); !s.ok()) return s;
  const std::scoped_lock lock{mutex_};
  const Column& in = columns_[column];
  for (auto at = in.lower_bound(first); at != in.end() && at->first < end; ++at) {
    if (answer.size() > 0 && (answer.size() >= piece.entries || answer.bytes() >= piece.bytes)) {
      answer.go_on_at(at->first);
      break;
    }
    answer.add(at->first, at->second);
  }
  return {};
}

ColdStatistics OrderedColdStore::statistics() {
  ColdStatistics now;
  const std::scoped_lock lock{mutex_};
  now.files = now.runs = runs_.size();
  for (const Run& run : runs_) now.file_bytes += run.size_bytes;
  now.rounds = rounds_;
  now.round_bytes = round_bytes_;
  return now;
}

}  // namespace millstream::inline v0::testing
