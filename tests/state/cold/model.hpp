// Random steps of a cold store beside a std::map: rounds, lookups, ranges, images, starts from images.
#pragma once

#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "state/cold/worlds.hpp"

namespace millstream::test {

/// What a store should hold, by the names of its columns.
using ColdModel = std::map<std::string, ColdMap>;

template <class World>
class ColdStoreModel {
 public:
  ColdStoreModel(World& world, std::uint64_t seed) : world_{world}, random_{seed} {}

  /// Says what is wrong, nothing where all is right.
  std::string run(int steps) {
    if (Status s = start({}); !s.ok()) return s.to_string();
    for (int i = 0; i < steps; ++i) {
      if (std::string wrong = step(); !wrong.empty()) return "step " + std::to_string(i) + ": " + wrong;
    }
    return compare_all();
  }

  /// Opens the store from an image; "": from nothing.
  Status start(const std::string& image) {
    store_.reset();
    std::vector<std::string> columns;
    for (const char* name : {"stage/a", "stage/b", "other/slices"}) {
      if (columns.empty() || random_.chance(0.9)) columns.emplace_back(name);
    }
    std::rotate(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(random_.below(columns.size())),
                columns.end());
    ColdStoreOptions options{.folder = world_.path("cold"), .columns = columns, .cache_bytes = kColdCacheBytesMin};
    if (!image.empty()) options.base = world_.path(image);
    StoreResult opened = world_.open(options);
    if (!opened) return opened.error();
    store_ = *std::move(opened);
    columns_ = columns;
    const ColdModel before = image.empty() ? ColdModel{} : images_[image];
    now_.clear();
    for (const std::string& column : columns) {
      const auto held = before.find(column);
      now_[column] = held == before.end() ? ColdMap{} : held->second;
    }
    return {};
  }

  /// A random round to store and model.
  Status ingest() {
    ColdRound round;
    std::vector<std::pair<ColdMap*, std::pair<std::string, std::string>>> ranges;
    std::vector<std::pair<ColdMap*, std::pair<std::string, std::optional<std::string>>>> points;
    const std::uint64_t pieces = 1 + random_.below(3);
    for (std::uint64_t piece = 0; piece < pieces; ++piece) {
      ColdChanges changes;
      const std::uint64_t count = random_.below(60);
      for (std::uint64_t i = 0; i < count; ++i) {
        const auto column = static_cast<std::uint32_t>(random_.below(columns_.size()));
        ColdMap* const map = &now_[columns_[column]];
        const std::string key = random_key();
        if (random_.chance(0.03)) {
          const std::string other = random_key();
          if (key == other) continue;
          changes.remove_range(column, std::min(key, other), std::max(key, other));
          ranges.push_back({map, {std::min(key, other), std::max(key, other)}});
        } else if (random_.chance(0.3)) {
          changes.remove(column, key);
          points.push_back({map, {key, std::nullopt}});
        } else {
          std::string value = random_bytes(random_, random_.below(random_.chance(0.02) ? 20000 : 40));
          changes.put(column, key, value);
          points.push_back({map, {key, std::move(value)}});
        }
      }
      round.add(std::move(changes));
    }
    if (Status s = store_->ingest(round); !s.ok()) return s;
    for (const auto& [map, range] : ranges) map->erase(map->lower_bound(range.first), map->lower_bound(range.second));
    for (auto& [map, point] : points) {
      if (point.second) {
        (*map)[point.first] = *point.second;
      } else {
        map->erase(point.first);
      }
    }
    return {};
  }

  /// An image of the model's present state, under the name.
  Status link(const std::string& image) {
    const Result<std::vector<ColdImageFile>> made = store_->link(world_.path(image));
    if (!made) return made.error();
    images_[image] = now_;
    return {};
  }

  std::string compare_all() {
    for (std::uint32_t i = 0; i < columns_.size(); ++i) {
      const ColdPiece piece{.bytes = 1 + random_.below(2000), .entries = 1 + random_.below(100)};
      const Result<ColdMap> all = read_all(*store_, i, piece);
      if (!all) return all.error().to_string();
      if (*all != now_[columns_[i]]) return "column " + columns_[i] + " differs" + difference(*all, now_[columns_[i]]);
    }
    return {};
  }

  [[nodiscard]] ColdStore& store() { return *store_; }
  [[nodiscard]] const ColdModel& now() const { return now_; }
  void crash() { store_.reset(); }
  [[nodiscard]] Random& random() { return random_; }
  std::map<std::string, ColdModel>& images() { return images_; }

 private:
  std::string step() {
    const std::uint64_t what = random_.below(100);
    if (what < 50) {
      if (Status s = wait_for_room(world_, *store_); !s.ok()) return s.to_string();
      return text(ingest());
    }
    if (what < 75) return compare_keys();
    if (what < 85) return compare_range();
    if (what < 88) return compare_all();
    if (what < 91) world_.merge(*store_);
    if (what < 95) return text(link(std::to_string(next_image_++) + ".base"));
    if (what < 98 || images_.empty()) return {};
    auto image = images_.begin();
    std::advance(image, random_.below(images_.size()));
    return text(start(image->first));
  }

  std::string compare_keys() {
    const auto column = static_cast<std::uint32_t>(random_.below(columns_.size()));
    const ColdMap& expected = now_[columns_[column]];
    ColdKeys keys;
    for (std::uint64_t i = random_.below(100); i > 0; --i) keys.add(random_key());
    ColdAnswer answer;
    if (Status s = store_->get(column, keys, answer); !s.ok()) return s.to_string();
    if (answer.size() != keys.size()) return "not as many answers as keys";
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto found = expected.find(std::string{keys[i]});
      const bool right = found == expected.end() ? !answer.value(i) : answer.value(i) == found->second;
      if (!right) return "a key of " + columns_[column] + " differs";
    }
    return {};
  }

  std::string compare_range() {
    const auto column = static_cast<std::uint32_t>(random_.below(columns_.size()));
    const ColdMap& expected = now_[columns_[column]];
    const std::string first = random_key();
    const std::string end = random_key();
    ColdAnswer answer;
    const ColdPiece piece{.entries = 1 + random_.below(20)};
    if (Status s = store_->scan(column, first, end, piece, answer); !s.ok()) return s.to_string();
    auto at = expected.lower_bound(first);
    for (std::size_t i = 0; i < answer.size(); ++i, ++at) {
      if (at == expected.end() || at->first >= end) return "a range of " + columns_[column] + " has too much";
      if (at->first != answer.key(i) || answer.value(i) != at->second)
        return "a range of " + columns_[column] + " differs";
    }
    const bool more = at != expected.end() && at->first < end;
    if (answer.next() != (more ? at->first : std::string{})) return "a range goes on in the wrong place";
    return {};
  }

  std::string random_key() {
    // Few keys in few groups, so that they meet; some are the beginning of others.
    std::string key;
    append_cold_key(key, 0, static_cast<std::uint32_t>(random_.below(4) * 255), std::to_string(random_.below(120)));
    return key;
  }
  static std::string text(const Status& status) { return status.ok() ? std::string{} : status.to_string(); }
  static std::string difference(const ColdMap& got, const ColdMap& expected) {
    std::ostringstream out;
    out << ": " << got.size() << " entries instead of " << expected.size();
    return out.str();
  }

  World& world_;
  Random random_;
  std::unique_ptr<ColdStore> store_;
  std::vector<std::string> columns_;
  ColdModel now_;
  std::map<std::string, ColdModel> images_;
  int next_image_ = 1;
};

}  // namespace millstream::test
