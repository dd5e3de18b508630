// What both cold stores promise, one promise a test.
#include <gmock/gmock.h>

#include "millstream/core/checksum.hpp"
#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using ::testing::HasSubstr;

template <class World>
class ColdStoreTest : public ::testing::Test {
 protected:
  ColdStoreOptions options(std::string base = {}, std::vector<std::string> columns = {"a/x", "a/y"}) {
    ColdStoreOptions options{.folder = world_.path("cold"), .columns = std::move(columns)};
    if (!base.empty()) options.base = world_.path(base);
    return options;
  }
  std::unique_ptr<ColdStore> open(ColdStoreOptions options) {
    StoreResult opened = world_.open(std::move(options));
    EXPECT_TRUE(opened) << opened.error().to_string();
    return opened ? *std::move(opened) : nullptr;
  }
  static void ingest(ColdStore& store, ColdChanges changes) {
    const Status taken = store.ingest(round_of(std::move(changes)));
    ASSERT_TRUE(taken.ok()) << taken.to_string();
  }
  static ColdMap all(ColdStore& store, std::uint32_t column, ColdPiece piece = {}) {
    Result<ColdMap> read = read_all(store, column, piece);
    EXPECT_TRUE(read) << read.error().to_string();
    return read ? *std::move(read) : ColdMap{};
  }

  World world_;
};
TYPED_TEST_SUITE(ColdStoreTest, ColdWorlds);

TYPED_TEST(ColdStoreTest, GivesBackWhatItTook) {
  const auto store = this->open(this->options());
  ColdChanges changes;
  changes.put(1, "b", "2");
  changes.put(0, "a", "1");
  changes.put(0, "c", "");
  this->ingest(*store, std::move(changes));
  ColdKeys keys;
  for (const char* key : {"c", "a", "b", "a"}) keys.add(key);
  ColdAnswer answer;
  ASSERT_TRUE(store->get(0, keys, answer).ok());
  ASSERT_EQ(answer.size(), 4U);
  EXPECT_EQ(answer.value(0), "");
  EXPECT_EQ(answer.value(1), "1");
  EXPECT_EQ(answer.value(2), std::nullopt);
  EXPECT_EQ(answer.value(3), "1");
  EXPECT_EQ(this->all(*store, 1), (ColdMap{{"b", "2"}}));
  EXPECT_EQ(store->statistics().rounds, 1U);
  EXPECT_GT(store->statistics().file_bytes, 0U);
}

TYPED_TEST(ColdStoreTest, KeysOfOneRoundGoByTheirOrderAndRangesComeFirst) {
  const auto store = this->open(this->options());
  ColdChanges first;
  for (const char* key : {"a", "b", "c", "d"}) first.put(0, key, "old");
  this->ingest(*store, std::move(first));
  ColdChanges changes;
  changes.put(0, "b", "in the range and put in its round");
  changes.put(0, "d", "1");
  changes.remove(0, "d");
  changes.put(0, "e", "1");
  changes.remove_range(0, "b", "d");
  ColdRound round = round_of(std::move(changes));
  ColdChanges later;
  later.put(0, "e", "2");
  later.remove(0, "no such key");
  round.add(std::move(later));
  ASSERT_TRUE(store->ingest(round).ok());
  EXPECT_EQ(this->all(*store, 0), (ColdMap{{"a", "old"}, {"b", "in the range and put in its round"}, {"e", "2"}}));
}

TYPED_TEST(ColdStoreTest, ARoundMayHoldNothingButARange) {
  const auto store = this->open(this->options());
  ColdChanges puts;
  for (const char* key : {"a", "b", "c"}) puts.put(0, key, "1");
  this->ingest(*store, std::move(puts));
  ColdChanges range;
  range.remove_range(0, "a", "c");
  range.remove_range(0, "b", "bb");
  this->ingest(*store, std::move(range));
  EXPECT_EQ(this->all(*store, 0), (ColdMap{{"c", "1"}}));
  this->ingest(*store, {});
  EXPECT_EQ(store->statistics().rounds, 2U);
}

TYPED_TEST(ColdStoreTest, ARangeComesInPieces) {
  const auto store = this->open(this->options());
  ColdChanges changes;
  ColdMap expected;
  for (int i = 100; i < 400; ++i) {
    changes.put(0, std::to_string(i), std::string(10, 'v'));
    expected[std::to_string(i)] = std::string(10, 'v');
  }
  this->ingest(*store, std::move(changes));
  ColdAnswer answer;
  ASSERT_TRUE(store->scan(0, "150", "160", {.entries = 4}, answer).ok());
  EXPECT_EQ(answer.size(), 4U);
  EXPECT_EQ(answer.next(), "154");
  ASSERT_TRUE(store->scan(0, "150", "160", {.bytes = 40}, answer).ok());
  EXPECT_EQ(answer.size(), 4U);
  ASSERT_TRUE(store->scan(0, "150", "160", {.bytes = 0, .entries = 0}, answer).ok());
  EXPECT_EQ(answer.size(), 1U) << "a piece always goes on";
  ASSERT_TRUE(store->scan(0, "150", "160", {.entries = 10}, answer).ok());
  EXPECT_EQ(answer.next(), "") << "the end of the range is no entry";
  EXPECT_EQ(this->all(*store, 0, {.entries = 7}), expected);
}

TYPED_TEST(ColdStoreTest, AShardsShareOfASliceIsARange) {
  const auto store = this->open(this->options());
  const auto key = [](std::string_view slice, std::uint32_t group, std::string_view rest) {
    std::string bytes;
    append_cold_key(bytes, slice.size(), group, std::string{slice}.append(rest));
    return bytes;
  };
  ColdChanges changes;
  for (const char* slice : {"slice--1", "slice--2"}) {
    for (const std::uint32_t group : {0U, 255U, 256U, 511U, 512U, 1023U}) changes.put(0, key(slice, group, "k"), "v");
  }
  this->ingest(*store, std::move(changes));
  ColdChanges retire;
  std::string first;
  std::string end;
  append_cold_group(first, "slice--1", 256);
  append_cold_group(end, "slice--1", 512);
  retire.remove_range(0, first, end);
  this->ingest(*store, std::move(retire));
  std::vector<std::pair<std::string, std::uint32_t>> left;
  for (const auto& [stored, value] : this->all(*store, 0)) {
    ColdKeyParts parts;
    ASSERT_TRUE(split_cold_key(stored, 8, parts));
    EXPECT_EQ(parts.rest, "k");
    left.emplace_back(parts.prefix, parts.key_group);
  }
  const std::vector<std::pair<std::string, std::uint32_t>> expected{
      {"slice--1", 0},   {"slice--1", 255}, {"slice--1", 512}, {"slice--1", 1023}, {"slice--2", 0},
      {"slice--2", 255}, {"slice--2", 256}, {"slice--2", 511}, {"slice--2", 512},  {"slice--2", 1023}};
  EXPECT_EQ(left, expected);
}

TYPED_TEST(ColdStoreTest, AnImageIsOfTheMomentAndOutlivesItsStore) {
  auto store = this->open(this->options());
  ColdChanges first;
  first.put(0, "a", "1");
  first.put(1, "b", "1");
  this->ingest(*store, std::move(first));
  const auto files = store->link(this->world_.path("1.base"));
  ASSERT_TRUE(files) << files.error().to_string();
  EXPECT_EQ(files->back().name, kColdImageName);
  for (const ColdImageFile& file : *files) {
    const std::string bytes = this->world_.read(this->world_.path("1.base/" + file.name));
    EXPECT_EQ(bytes.size(), file.size_bytes) << file.name;
    EXPECT_EQ(Checksum::of(bytes), file.checksum) << file.name;
  }
  ColdChanges second;
  second.remove_range(0, "a", "b");
  second.put(1, "b", "2");
  this->ingest(*store, std::move(second));
  ASSERT_TRUE(store->link(this->world_.path("2.base")));
  store.reset();

  store = this->open(this->options("1.base"));
  EXPECT_EQ(this->all(*store, 0), (ColdMap{{"a", "1"}}));
  EXPECT_EQ(this->all(*store, 1), (ColdMap{{"b", "1"}}));
  ColdChanges third;
  third.put(0, "a", "3");
  this->ingest(*store, std::move(third));
  store.reset();

  store = this->open(this->options("2.base"));
  EXPECT_EQ(this->all(*store, 0), ColdMap{});
  EXPECT_EQ(this->all(*store, 1), (ColdMap{{"b", "2"}}));
}

TYPED_TEST(ColdStoreTest, ColumnsAreKnownByTheirNames) {
  auto store = this->open(this->options());
  ColdChanges changes;
  changes.put(0, "k", "x");
  changes.put(1, "k", "y");
  this->ingest(*store, std::move(changes));
  ASSERT_TRUE(store->link(this->world_.path("1.base")));
  store.reset();
  store = this->open(this->options("1.base", {"new", "a/y"}));
  EXPECT_EQ(this->all(*store, 0), ColdMap{});
  EXPECT_EQ(this->all(*store, 1), (ColdMap{{"k", "y"}}));
  ASSERT_TRUE(store->link(this->world_.path("2.base")));
  store.reset();
  const Result<ColdImage> image = read_cold_image(this->world_.files(), this->world_.path("2.base"));
  ASSERT_TRUE(image);
  EXPECT_EQ(image->columns, (std::vector<std::string>{"new", "a/y"}));
  store = this->open(this->options("2.base"));
  EXPECT_EQ(this->all(*store, 0), ColdMap{}) << "it was dropped";
}

TYPED_TEST(ColdStoreTest, BeginsWithNothingWithoutABase) {
  auto store = this->open(this->options());
  ColdChanges changes;
  changes.put(0, "k", "x");
  this->ingest(*store, std::move(changes));
  store.reset();
  store = this->open(this->options());
  EXPECT_EQ(this->all(*store, 0), ColdMap{});
  ASSERT_TRUE(store->link(this->world_.path("empty.base")));
  store.reset();
  store = this->open(this->options("empty.base"));
  EXPECT_EQ(this->all(*store, 0), ColdMap{});
}

TYPED_TEST(ColdStoreTest, AsksTheWriterToWaitAndGoesOn) {
  const auto store = this->open(this->options());
  int waits = 0;
  for (int round = 0; round < 60; ++round) {
    ColdChanges changes;
    for (int i = 0; i < 200; ++i) changes.put(0, std::to_string(i), std::to_string(round));
    this->ingest(*store, std::move(changes));
    if (store->room().code() == ErrorCode::kUnavailable) ++waits;
    const Status room = wait_for_room(this->world_, *store);
    ASSERT_TRUE(room.ok()) << room.to_string();
    ASSERT_LE(store->statistics().runs, kColdRunsMax + 1);
  }
  const ColdMap all = this->all(*store, 0);
  EXPECT_EQ(all.size(), 200U);
  EXPECT_EQ(all.at("7"), "59");
  if (std::is_same_v<TypeParam, OrderedWorld>) {
    EXPECT_GT(waits, 0);
  }
}

TYPED_TEST(ColdStoreTest, RefusesWrongOptions) {
  const auto code = [&](ColdStoreOptions options) { return this->world_.open(std::move(options)).error().code(); };
  ColdStoreOptions small = this->options();
  small.cache_bytes = kColdCacheBytesMin - 1;
  EXPECT_EQ(code(small), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(this->options({}, {"a", "a"})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(this->options({}, {"default"})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(this->options({}, {""})), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code({.folder = {}, .columns = {"a"}}), ErrorCode::kInvalidArgument);
}

TYPED_TEST(ColdStoreTest, EmptiesNoFolderOfSomebodyElse) {
  ASSERT_TRUE(this->world_.files().make_folders(this->world_.path("cold")).ok());
  ASSERT_TRUE(this->world_.files().create(this->world_.path("cold/thesis.tex")));
  const Status refused = this->world_.open(this->options()).error();
  EXPECT_EQ(refused.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("thesis.tex"));
  EXPECT_TRUE(*this->world_.files().exists(this->world_.path("cold/thesis.tex")));
}

TYPED_TEST(ColdStoreTest, MakesNoImageOverAnother) {
  const auto store = this->open(this->options());
  ASSERT_TRUE(store->link(this->world_.path("1.base")));
  EXPECT_EQ(store->link(this->world_.path("1.base")).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(read_cold_image(this->world_.files(), this->world_.path("1.base")));
}

#ifndef MILLSTREAM_ROCKSDB
TEST(WithoutRocksDb, SaysThatThisBuildHasNoRocksDb) {
  const Status refused = open_cold_store(posix_file_system(), {.folder = "cold"}).error();
  EXPECT_EQ(refused.code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refused.message(), HasSubstr("MILLSTREAM_ROCKSDB=ON"));
}
#endif

}  // namespace
}  // namespace millstream::test
