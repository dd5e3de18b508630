// Both cold stores against a map under random steps, and the ordered one on a disk that fails and loses power.
#include "state/cold/model.hpp"
#include "runtime/seeds.hpp"

namespace millstream::test {
namespace {

template <class World>
class ColdModelTest : public ::testing::Test {};
TYPED_TEST_SUITE(ColdModelTest, ColdWorlds);

TYPED_TEST(ColdModelTest, IsAMap) {
  const bool real_disk = !std::is_same_v<TypeParam, OrderedWorld>;
  for_all_seeds("state_cold_model", real_disk ? 4 : 300, [](std::uint64_t seed) {
    TypeParam world;
    return ColdStoreModel<TypeParam>{world, seed}.run(150);
  });
}

// The power fails at some operation. An image that link() has given is whole then, whatever the disk lost; of any other
// one nothing is believed.
std::string lose_power(std::uint64_t seed) {
  OrderedWorld world;
  ColdStoreModel<OrderedWorld> model{world, seed};
  // What is above the folders of images is its owner's to sync.
  if (Status s = world.files().make_folders(world.path("")); !s.ok()) return s.to_string();
  if (Status s = world.files().sync_folder("."); !s.ok()) return s.to_string();
  if (Status s = model.start({}); !s.ok()) return s.to_string();
  if (Status s = model.link("0.base"); !s.ok()) return s.to_string();
  Random& random = model.random();
  for (int life = 0; life < 5; ++life) {
    world.files().stop_at(1 + random.below(150));
    std::string begun;
    ColdModel in_doubt;
    while (begun.empty()) {
      auto& store = static_cast<testing::OrderedColdStore&>(model.store());
      if (!store.room().ok() && !store.merge().ok()) break;
      if (!model.ingest().ok()) break;
      if (!random.chance(0.2)) continue;
      const std::string name = std::to_string(life) + "-" + std::to_string(random.below(1U << 30)) + ".base";
      in_doubt = model.now();
      if (!model.link(name).ok()) begun = name;
    }
    if (!world.files().stopped()) return "the disk failed before it was told to";
    model.crash();
    world.files().restart(random.chance(0.5) ? testing::Crash::kPower : testing::Crash::kProcess, random);
    for (const auto& [name, held] : model.images()) {
      const Result<ColdImage> image = read_cold_image(world.files(), world.path(name));
      if (!image) return name + ": " + image.error().to_string();
      const Status whole = check_cold_image(world.files(), world.path(name), *image, ColdCheck::kBytes);
      if (!whole.ok()) return name + ": " + whole.to_string();
    }
    if (!begun.empty() && read_cold_image(world.files(), world.path(begun))) {
      // IMAGE got to the disk: then it is either whole or refused.
      model.images()[begun] = in_doubt;
      const bool usable = model.start(begun).ok();
      if (usable) {
        if (std::string wrong = model.compare_all(); !wrong.empty()) return begun + ": " + wrong;
      }
      model.images().erase(begun);
    }
    auto image = model.images().begin();
    std::advance(image, random.below(model.images().size()));
    if (Status s = model.start(image->first); !s.ok()) return image->first + ": " + s.to_string();
    if (std::string wrong = model.compare_all(); !wrong.empty()) return image->first + ": " + wrong;
  }
  return {};
}

TEST(OrderedColdStore, ImagesOutliveAPowerFailure) { for_all_seeds("state_cold_model", 1000, &lose_power); }

// Any operation fails at any time. Whatever is answered is right, and a start from an image mends everything.
std::string fail_at_random(std::uint64_t seed) {
  OrderedWorld world;
  ColdStoreModel<OrderedWorld> model{world, seed};
  if (Status s = model.start({}); !s.ok()) return s.to_string();
  if (Status s = model.link("0.base"); !s.ok()) return s.to_string();
  Random& random = model.random();
  int next = 1;
  for (int life = 0; life < 5; ++life) {
    world.files().fail_randomly(random(), {.any = 0.01, .sync = 0.02, .no_space = 0.02});
    for (int i = 0; i < 40; ++i) {
      const Status taken = model.store().room().ok() ? model.ingest() : Status{};
      if (!taken.ok()) {
        if (model.ingest().ok() || model.store().room().ok()) return "a store goes on behind a round that failed";
        break;
      }
      if (random.chance(0.2)) {
        const std::string name = std::to_string(next++) + ".base";
        if (!model.link(name).ok() && read_cold_image(world.files(), world.path(name))) {
          // A part of an image, which a failing disk has kept from being removed.
          model.images().erase(name);
        }
      }
      if (random.chance(0.3)) static_cast<void>(static_cast<testing::OrderedColdStore&>(model.store()).merge());
    }
    world.files().fail_randomly(0, testing::DiskFaults{});
    auto image = model.images().begin();
    std::advance(image, random.below(model.images().size()));
    if (Status s = model.start(image->first); !s.ok()) return image->first + ": " + s.to_string();
    if (std::string wrong = model.compare_all(); !wrong.empty()) return image->first + ": " + wrong;
  }
  return {};
}

TEST(OrderedColdStore, FailsCleanlyAndBeginsAgain) { for_all_seeds("state_cold_model", 500, &fail_at_random); }

}  // namespace
}  // namespace millstream::test
