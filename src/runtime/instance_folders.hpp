// InstanceFolders: which folder below the state_dir of a job's instances is the one of this instance, and what it
// begins from there.
//
// The number of instances changes when one of them is started with another number, and none of the old ones runs. It
// is made under a lock, in an order in which a crash anywhere leaves what the next start carries on:
//
//   the locks of all old state folders are had, so none of them runs (where locks do not reach: see the fence)
//   INSTANCES says "changing"       from now on an old instance that looks does not begin
//   settle() for each old instance  fences it and finds its newest decision, which nothing can change any more, and
//                                   which the marker in its folder says from then on
//   INSTANCES names the new generation
//
// Where that is refused, or an old instance is started before the end, INSTANCES says again what it did before.
//
// An instance looks at INSTANCES again behind its own fence: either it sees the change, or whoever makes it fences it.
// Until an instance has decided a checkpoint of its own, it begins from those of earlier generations: of each it takes
// the partitions that are its own now.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "checkpoint/instance_layout.hpp"
#include "millstream/checkpoint/local_checkpoint_store.hpp"
#include "millstream/core/clock.hpp"
#include "millstream/core/log.hpp"
#include "runtime/state_part.hpp"

namespace millstream::inline v0 {

class InstanceFolders {
 public:
  /// Fences an old instance, and has its decision confirmed in its store. True: it has decided something in there.
  using Settle =
      std::function<Result<bool>(LocalCheckpointStore& store, std::uint32_t instance, std::uint64_t settled)>;

  InstanceFolders(FileSystem& files, std::string shared, const InstanceShare& share)
      : files_{files}, shared_{std::move(shared)}, share_{share} {}

  /// First of all; changes the number of instances where this one is started with another.
  [[nodiscard]] Status enter(const Settle& settle, const LogHook& log);
  /// Of this instance.
  [[nodiscard]] std::string folder() const;
  /// Ids of checkpoints up to this one are of earlier generations.
  [[nodiscard]] std::uint64_t settled() const { return layout_.generations.back().settled; }
  /// Behind the fence: the number has not changed meanwhile.
  [[nodiscard]] Status still_entered() const;
  /// What an instance that has decided nothing yet goes on from; none: it begins anew.
  [[nodiscard]] Result<StateParts> parts() const;

 private:
  [[nodiscard]] bool entered(const std::optional<InstanceLayout>& layout) const;
  [[nodiscard]] Result<std::unique_ptr<FileLock>> lock() const;
  [[nodiscard]] Status begin_first();
  [[nodiscard]] Status change(const Settle& settle, const LogHook& log);
  [[nodiscard]] Status give_up_change();
  [[nodiscard]] Status make_folders(const InstanceGeneration& generation) const;
  void remove_tree(const std::string& path) const;
  [[nodiscard]] Status collect(std::size_t generation, const Partitions& wanted, StateParts& parts) const;
  [[nodiscard]] std::string name_of(std::uint32_t instance, const InstanceGeneration& generation) const;

  FileSystem& files_;
  std::string shared_;
  InstanceShare share_;
  InstanceLayout layout_;
};

}  // namespace millstream::inline v0
