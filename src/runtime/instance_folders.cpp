// Changing the number of instances, and finding what each begins from.
#include "runtime/instance_folders.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "checkpoint/state_folder.hpp"

namespace millstream::inline v0 {
namespace {

constexpr std::chrono::seconds kLockPatience{180};  // another instance is changing their number: it fences all old ones
constexpr std::chrono::milliseconds kLockPause{20};

Partitions of_share(const InstanceShare& share) {
  Partitions all;
  for (std::uint32_t p = 0; p < kKeyGroups; ++p) all[p] = share.has(p);
  return all;
}

KeyGroups groups_of(const Partitions& partitions) {
  KeyGroups groups;
  for (std::uint32_t p = 0; p < kKeyGroups; ++p) {
    if (partitions[p]) groups.set(group_of_partition(p));
  }
  return groups;
}

// Leaves the positions of `wanted` in the manifest.
void take_partitions(const Partitions& wanted, StatePart& part) {
  part.groups = groups_of(wanted);
  std::erase_if(part.manifest.positions, [&](const SplitPosition& each) {
    const std::optional<std::uint32_t> partition = partition_of_split(each.split);
    const bool other = !partition || !wanted[*partition];
    if (other) part.other_splits.insert(each.split);
    return other;
  });
}

}  // namespace

std::optional<std::uint32_t> partition_of_split(std::string_view split) {
  const std::size_t slash = split.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::uint32_t partition = 0;
  const char* const end = split.data() + split.size();
  const auto read = std::from_chars(split.data() + slash + 1, end, partition);
  if (read.ec != std::errc{} || read.ptr != end || partition >= kKeyGroups) return std::nullopt;
  return partition;
}

std::string InstanceFolders::folder() const {
  return instance_folder(shared_, layout_.generations.back().number, share_.instance);
}

std::string InstanceFolders::name_of(std::uint32_t instance, const InstanceGeneration& generation) const {
  return "instance " + std::to_string(instance) + " of " + std::to_string(generation.instances);
}

bool InstanceFolders::entered(const std::optional<InstanceLayout>& layout) const {
  return layout && !layout->changing && layout->generations.back().instances == share_.instances;
}

Status InstanceFolders::enter(const Settle& settle, const LogHook& log) {
  if (Status s = files_.make_private_folder(shared_); !s.ok()) return s;
  Result<std::optional<InstanceLayout>> found = read_instances(files_, shared_);
  if (!found) return found.error();
  if (!entered(*found)) {
    const Result<std::unique_ptr<FileLock>> held = lock();
    if (!held) return held.error();
    found = read_instances(files_, shared_);  // whoever had the lock may have done it
    if (!found) return found.error();
    if (!*found) return begin_first();
    layout_ = **found;
    if (layout_.generations.back().instances != share_.instances) return change(settle, log);
    return layout_.changing ? give_up_change() : Status{};
  }
  layout_ = **found;
  return {};
}

// Nobody of a new generation has begun, so the last one is as it was; whoever changes the number next fences all again.
Status InstanceFolders::give_up_change() {
  layout_.changing = false;
  return write_instances(files_, shared_, layout_);
}

// Whoever has it needs no longer than the fences of all instances take.
Result<std::unique_ptr<FileLock>> InstanceFolders::lock() const {
  const auto until = std::chrono::steady_clock::now() + kLockPatience;
  while (true) {
    Result<std::unique_ptr<FileLock>> held = files_.lock(shared_ + "/" + std::string{kInstancesLockName});
    if (held || held.error().code() != ErrorCode::kUnavailable || std::chrono::steady_clock::now() >= until) {
      return held;
    }
    std::this_thread::sleep_for(kLockPause);
  }
}

Status InstanceFolders::make_folders(const InstanceGeneration& generation) const {
  for (std::uint32_t i = 0; i < generation.instances; ++i) {
    if (Status s = files_.make_private_folder(instance_folder(shared_, generation.number, i)); !s.ok()) return s;
  }
  if (Status s = files_.sync_folder(generation_folder(shared_, generation.number)); !s.ok()) return s;
  return files_.sync_folder(shared_);
}

Status InstanceFolders::begin_first() {
  const Result<std::vector<std::string>> names = files_.list(shared_);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (name != kCommittedName && parse_state_name(name).kind != StateName::Kind::kManifest) continue;
    return {ErrorCode::kInvalidArgument,
            "it has checkpoints of a job whose keys did not go by partition, as those of a ms::PartitionKey do: their "
            "state cannot be dealt out to instances. Run the job as it was, or begin with an empty folder"};
  }
  layout_ = {{{1, share_.instances, 0}}, false};
  if (Status s = make_folders(layout_.generations.back()); !s.ok()) return s;
  return write_instances(files_, shared_, layout_);
}

Status InstanceFolders::change(const Settle& settle, const LogHook& log) {
  const InstanceGeneration old = layout_.generations.back();
  const auto place = [&](const Status& status, std::uint32_t instance) {
    return status.at("the number of instances cannot change from " + std::to_string(old.instances) + " to " +
                     std::to_string(share_.instances) + ": " + name_of(instance, old));
  };
  std::vector<std::unique_ptr<LocalCheckpointStore>> stores;
  for (std::uint32_t i = 0; i < old.instances; ++i) {
    const std::string folder = instance_folder(shared_, old.number, i);
    const Result<bool> there = files_.exists(folder);
    if (!there) return place(there.error(), i);
    if (!*there) {
      return place({ErrorCode::kInvalidData, "its state folder " + folder + " is missing: bring it back"}, i);
    }
    Result<std::unique_ptr<LocalCheckpointStore>> opened = LocalCheckpointStore::open(files_, folder);
    if (!opened && opened.error().code() == ErrorCode::kUnavailable) {
      return place(opened.error().at("it still runs, and all instances have to be stopped first"), i);
    }
    if (!opened) return place(opened.error(), i);
    stores.push_back(*std::move(opened));
  }
  layout_.changing = true;
  if (Status s = write_instances(files_, shared_, layout_); !s.ok()) return s;
  std::uint64_t settled = old.settled;
  bool all_decided = true;
  for (std::uint32_t i = 0; i < old.instances; ++i) {
    const Result<bool> decided = settle(*stores[i], i, old.settled);
    if (!decided) {
      // What does not heal must not keep the old ones from going on.
      static_cast<void>(give_up_change());
      return place(decided.error(), i);
    }
    all_decided = all_decided && *decided;
    settled = std::max(settled, stores[i]->next_id() - 1);
    // Where locks do not reach it, it may have taken further ids before it was fenced.
    const Result<std::vector<std::uint64_t>> ids = stores[i]->list();
    if (!ids) return place(ids.error(), i);
    for (const std::uint64_t id : *ids) settled = std::max(settled, id);
  }
  stores.clear();
  // Where all of the old ones have decided something, nobody needs what there was before them.
  std::vector<InstanceGeneration> unneeded;
  if (all_decided) {
    unneeded.swap(layout_.generations);
    layout_.generations.push_back(unneeded.back());
    unneeded.pop_back();
  }
  layout_.generations.push_back({old.number + 1, share_.instances, settled});
  layout_.changing = false;
  if (Status s = make_folders(layout_.generations.back()); !s.ok()) return s;
  if (Status s = write_instances(files_, shared_, layout_); !s.ok()) return s;
  for (const InstanceGeneration& each : unneeded) remove_tree(generation_folder(shared_, each.number));
  if (log) {
    log(LogLevel::kInfo, "the number of instances has changed from " + std::to_string(old.instances) + " to " +
                             std::to_string(share_.instances) + ", in the state_dir '" + shared_ + "'");
  }
  return {};
}

// What cannot be removed does no harm.
void InstanceFolders::remove_tree(const std::string& path) const {
  const Result<std::vector<std::string>> names = files_.list(path);
  for (std::size_t i = 0; names && i < names->size(); ++i) {
    const std::string below = path + "/" + (*names)[i];
    if (!files_.remove(below).ok()) remove_tree(below);
  }
  static_cast<void>(files_.remove(path));
}

Status InstanceFolders::still_entered() const {
  const Result<std::optional<InstanceLayout>> now = read_instances(files_, shared_);
  if (!now) return now.error();
  if (*now && !(*now)->changing && (*now)->generations.back() == layout_.generations.back()) return {};
  return {ErrorCode::kAlreadyExists,
          "the number of instances is being changed, or was, while this one began: start it "
          "again with the number that holds now"};
}

Result<StateParts> InstanceFolders::parts() const {
  StateParts parts;
  if (layout_.generations.size() > 1) {
    if (Status s = collect(layout_.generations.size() - 2, of_share(share_), parts); !s.ok()) return s;
  }
  return parts;
}

// What an instance has not decided itself is what it would have begun from.
Status InstanceFolders::collect(std::size_t generation, const Partitions& wanted, StateParts& parts) const {
  const InstanceGeneration& from = layout_.generations[generation];
  for (std::uint32_t i = 0; i < from.instances; ++i) {
    const Partitions mine = wanted & of_share({i, from.instances});
    if (mine.none()) continue;
    const std::string folder = instance_folder(shared_, from.number, i);
    const std::string whose = name_of(i, from) + " before";
    Result<std::unique_ptr<LocalCheckpointStore>> store =
        LocalCheckpointStore::open(files_, folder, LocalCheckpointStore::Access::kRead);
    if (!store && store.error().code() == ErrorCode::kNotFound) {
      return {ErrorCode::kInvalidData,
              whose + ": its state folder " + folder + " is missing, and this instance goes on from it: bring it back"};
    }
    if (!store) return store.error().at(whose);
    const Result<std::optional<CheckpointId>> decided = (*store)->committed();
    if (!decided) return decided.error().at(whose);
    if (!*decided) {
      if (generation == 0) {
        parts.anew |= mine;
        continue;
      }
      if (Status s = collect(generation - 1, mine, parts); !s.ok()) return s;
      continue;
    }
    Result<Manifest> manifest = (*store)->manifest((*decided)->id);
    if (!manifest) return manifest.error().at(whose);
    if (manifest->checkpoint != **decided) {
      return {ErrorCode::kInvalidData, whose + ": its folder has checkpoint " + manifest->checkpoint.to_string() +
                                           " where " + (*decided)->to_string() + " was decided"};
    }
    StatePart part{*std::move(store), *std::move(manifest), {}, {}};
    take_partitions(mine, part);
    parts.all.push_back(std::move(part));
  }
  return {};
}

}  // namespace millstream::inline v0
