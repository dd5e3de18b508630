// What a cold store says of a world that fails: damaged images, folders that cannot be written, full disks.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "state/cold/worlds.hpp"

namespace millstream::test {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kKeys = 400;

// Two rounds of keys that do not meet: two files of one size.
template <class World>
class ColdFaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    StoreResult opened = world_.open(options());
    ASSERT_TRUE(opened) << opened.error().to_string();
    Random random{17};
    for (const char* letter : {"a", "b"}) {
      ColdChanges changes;
      for (std::uint64_t i = 0; i < kKeys; ++i) {
        std::string key = letter + std::to_string(1000 + i);
        std::string value = random_bytes(random, 50);
        changes.put(0, key, value);
        expected_.emplace(std::move(key), std::move(value));
      }
      ASSERT_TRUE((*opened)->ingest(round_of(std::move(changes))).ok());
    }
    Result<std::vector<ColdImageFile>> made = (*opened)->link(world_.path("1.base"));
    ASSERT_TRUE(made) << made.error().to_string();
    for (ColdImageFile& file : *made) (file.linked ? linked_ : small_).push_back(std::move(file));
    ASSERT_GE(linked_.size(), 2U);
  }
  ColdStoreOptions options() { return {.folder = world_.path("cold"), .columns = {"a"}}; }
  std::string file(const ColdImageFile& file) { return world_.path("1.base/" + file.name); }
  StoreResult open() {
    ColdStoreOptions from = options();
    from.base = world_.path("1.base");
    return world_.open(std::move(from));
  }
  Status check(ColdCheck how) {
    const Result<ColdImage> image = read_cold_image(world_.files(), world_.path("1.base"));
    return image ? check_cold_image(world_.files(), world_.path("1.base"), *image, how) : image.error();
  }
  /// That damage is never taken for data: everything is right, or an error says that something is wrong.
  /// Gives whether it was noticed.
  bool noticed() {
    StoreResult opened = open();
    if (!opened) {
      EXPECT_EQ(opened.error().code(), ErrorCode::kInvalidData) << opened.error().to_string();
      return true;
    }
    const Result<ColdMap> all = read_all(**opened, 0);
    if (!all) {
      EXPECT_EQ(all.error().code(), ErrorCode::kInvalidData) << all.error().to_string();
      return true;
    }
    EXPECT_TRUE(*all == expected_) << all->size() << " entries instead of " << expected_.size();
    return false;
  }

  World world_;
  ColdMap expected_;
  std::vector<ColdImageFile> linked_;
  std::vector<ColdImageFile> small_;
};
TYPED_TEST_SUITE(ColdFaultTest, ColdWorlds);

TYPED_TEST(ColdFaultTest, AWholeImageIsTaken) {
  EXPECT_TRUE(this->check(ColdCheck::kBytes).ok());
  EXPECT_FALSE(this->noticed());
}

TYPED_TEST(ColdFaultTest, AMissingFileIsNamedAtOpening) {
  for (const auto* files : {&this->linked_, &this->small_}) {
    for (const ColdImageFile& file : *files) {
      const std::string bytes = this->world_.read(this->file(file));
      ASSERT_TRUE(this->world_.files().remove(this->file(file)).ok());
      const Status refused = this->open().error();
      EXPECT_EQ(refused.code(), ErrorCode::kInvalidData) << refused.to_string();
      EXPECT_THAT(refused.message(), HasSubstr(file.name));
      EXPECT_THAT(refused.message(), HasSubstr("begin from another checkpoint"));
      ASSERT_TRUE(this->world_.files().create(this->file(file)));
      this->world_.replace(this->file(file), bytes);
    }
  }
  EXPECT_FALSE(this->noticed());
}

TYPED_TEST(ColdFaultTest, ATruncatedFileIsNamedAtOpening) {
  for (const auto* files : {&this->linked_, &this->small_}) {
    for (const ColdImageFile& file : *files) {
      const std::string bytes = this->world_.read(this->file(file));
      for (const std::size_t size : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
        this->world_.replace(this->file(file), std::string_view{bytes}.substr(0, size));
        const Status refused = this->open().error();
        EXPECT_EQ(refused.code(), ErrorCode::kInvalidData) << refused.to_string();
        EXPECT_THAT(refused.message(), HasSubstr(file.name));
      }
      this->world_.replace(this->file(file), bytes);
    }
  }
}

TYPED_TEST(ColdFaultTest, SwappedFilesAreNoticed) {
  const std::string first = this->world_.read(this->file(this->linked_[0]));
  const std::string second = this->world_.read(this->file(this->linked_[1]));
  EXPECT_EQ(first.size(), second.size()) << "else their sizes say it already";
  this->world_.replace(this->file(this->linked_[0]), second);
  this->world_.replace(this->file(this->linked_[1]), first);
  EXPECT_TRUE(this->check(ColdCheck::kSizes).ok());
  const Status found = this->check(ColdCheck::kBytes);
  EXPECT_EQ(found.code(), ErrorCode::kInvalidData);
  EXPECT_THAT(found.message(), HasSubstr(this->linked_[0].name));
  EXPECT_TRUE(this->noticed());
}

TYPED_TEST(ColdFaultTest, AFlippedBitIsNoticedAtOpeningOrReading) {
  Random random{1};
  int unnoticed = 0;
  for (const ColdImageFile& file : this->linked_) {
    const std::string bytes = this->world_.read(this->file(file));
    for (int i = 0; i < 40; ++i) {
      std::string flipped = bytes;
      char& victim = flipped[random.below(flipped.size())];
      victim = static_cast<char>(victim ^ (1 << random.below(8)));
      this->world_.replace(this->file(file), flipped);
      EXPECT_EQ(this->check(ColdCheck::kBytes).code(), ErrorCode::kInvalidData);
      if (!this->noticed()) ++unnoticed;
    }
    this->world_.replace(this->file(file), bytes);
  }
  // What no read of entries looks at: unused bytes, statistics, filters of keys nobody asked for.
  EXPECT_LT(unnoticed, 20);
  for (const ColdImageFile& file : this->small_) {
    const std::string bytes = this->world_.read(this->file(file));
    for (int i = 0; i < 40; ++i) {
      std::string flipped = bytes;
      char& victim = flipped[random.below(flipped.size())];
      victim = static_cast<char>(victim ^ (1 << random.below(8)));
      this->world_.replace(this->file(file), flipped);
      const Status refused = this->open().error();
      EXPECT_EQ(refused.code(), ErrorCode::kInvalidData) << file.name << ": " << refused.to_string();
    }
    this->world_.replace(this->file(file), bytes);
  }
}

TYPED_TEST(ColdFaultTest, AnotherEnginesImageIsRefused) {
  const std::string path = this->world_.path("1.base/IMAGE");
  Result<ColdImage> image = read_cold_image(this->world_.files(), this->world_.path("1.base"));
  ASSERT_TRUE(image);
  image->engine = "other";
  image->files.clear();
  ASSERT_TRUE(write_cold_image(this->world_.files(), this->world_.path("2.base"), "", *image, {}));
  ColdStoreOptions from = this->options();
  from.base = this->world_.path("2.base");
  const Status refused = this->world_.open(from).error();
  EXPECT_EQ(refused.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("'other'"));
  from.base = this->world_.path("no such");
  EXPECT_EQ(this->world_.open(from).error().code(), ErrorCode::kInvalidData);
}

TYPED_TEST(ColdFaultTest, AFolderThatCannotBeMadeIsNamed) {
  ColdStoreOptions below = this->options();
  below.folder = this->file(this->small_[0]) + "/cold";
  const Status refused = this->world_.open(below).error();
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr(below.folder));
  StoreResult opened = this->open();
  ASSERT_TRUE(opened);
  EXPECT_FALSE((*opened)->link(this->file(this->small_[0]) + "/2.base"));
  EXPECT_TRUE(*read_all(**opened, 0) == this->expected_);
}

TEST(OrderedColdFaults, AFullDiskIsSaidAndMendedByAStart) {
  OrderedWorld world;
  ColdStoreOptions options{.folder = world.path("cold"), .columns = {"a"}};
  StoreResult opened = world.open(options);
  ASSERT_TRUE(opened);
  ASSERT_TRUE((*opened)->link(world.path("1.base")));
  world.files().set_capacity(10'000);
  ColdChanges changes;
  changes.put(0, "k", std::string(20'000, 'v'));
  const ColdRound round = round_of(std::move(changes));
  const Status full = (*opened)->ingest(round);
  EXPECT_EQ(full.code(), ErrorCode::kIo);
  EXPECT_THAT(full.message(), HasSubstr("No space left on device"));
  EXPECT_EQ((*opened)->room(), full);
  EXPECT_EQ((*opened)->ingest(round), full);
  EXPECT_EQ((*opened)->link(world.path("2.base")).error(), full);
  world.files().set_capacity(1'000'000);
  opened->reset();
  options.base = world.path("1.base");
  opened = world.open(options);
  ASSERT_TRUE(opened);
  EXPECT_TRUE((*opened)->ingest(round).ok());
}

#ifdef MILLSTREAM_ROCKSDB
ColdChanges megabyte() {
  Random random{5};
  ColdChanges changes;
  for (int i = 0; i < 1024; ++i) changes.put(0, std::to_string(i), random_bytes(random, 1024));
  return changes;
}

void expect_full(const ColdStoreOptions& options, const std::function<void(bool)>& fill, const char* cause) {
  StoreResult opened = open_cold_store(posix_file_system(), options);
  ASSERT_TRUE(opened) << opened.error().to_string();
  ASSERT_TRUE((*opened)->ingest(round_of(megabyte())).ok());
  fill(true);
  const Status full = (*opened)->ingest(round_of(megabyte()));
  const Status image = (*opened)->link(options.folder + ".base").error();
  fill(false);
  EXPECT_EQ(full.code(), ErrorCode::kIo) << full.to_string();
  EXPECT_THAT(full.message(), HasSubstr(cause));
  EXPECT_THAT(full.message(), HasSubstr(options.folder));
  EXPECT_EQ(image, full);
  EXPECT_EQ((*opened)->room(), full) << "the next round would come behind a hole";
  opened->reset();
  opened = open_cold_store(posix_file_system(), options);
  ASSERT_TRUE(opened) << opened.error().to_string();
  EXPECT_TRUE((*opened)->ingest(round_of(megabyte())).ok());
}

TEST(RocksColdFaults, AFileTheSystemLetsGrowNoFurther) {
  testing::TemporaryFolder folder;
  struct rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  expect_full(
      {.folder = folder / "cold", .columns = {"a"}},
      [&](bool full) {
        struct rlimit now = limit;
        if (full) now.rlim_cur = 128 << 10;
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &now), 0);
      },
      "File too large");
}

TEST(RocksColdFaults, AFullDisk) {
  testing::TemporaryFolder folder;
  const std::string disk = folder / "disk";
  std::filesystem::create_directory(disk);
  if (::mount("none", disk.c_str(), "tmpfs", 0, "size=6m") != 0) GTEST_SKIP() << "only root may mount a small disk";
  expect_full(
      {.folder = disk + "/cold", .columns = {"a"}},
      [&](bool full) {
        if (!full) {
          std::filesystem::remove(disk + "/ballast");
          return;
        }
        std::ofstream ballast{disk + "/ballast", std::ios::binary};
        const std::string block(4096, 'x');
        while (ballast.write(block.data(), 4096).flush()) {
        }
      },
      "the disk is full: make room on it");
  EXPECT_EQ(::umount2(disk.c_str(), MNT_DETACH), 0);
}

TEST(RocksColdFaults, AFolderWithoutLeaveToWrite) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  testing::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "closed");
  std::filesystem::permissions(folder / "closed", std::filesystem::perms::owner_read);
  const Status refused =
      open_cold_store(posix_file_system(), {.folder = folder / "closed/cold", .columns = {"a"}}).error();
  EXPECT_EQ(refused.code(), ErrorCode::kIo);
  EXPECT_THAT(refused.message(), HasSubstr("Permission denied"));
  std::filesystem::permissions(folder / "closed", std::filesystem::perms::owner_all);
}
#endif

}  // namespace
}  // namespace millstream::test
