// The file INSTANCES in a state folder that the instances of a job share: how many there are, and have been. Below the
// folder each generation of instances has one of its own, and each instance one in there, which is a state folder:
//
//   state/INSTANCES
//   state/generation-1/instance-0 ... instance-2     three instances, until their number changed
//   state/generation-2/instance-0, instance-1        two since
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millstream/core/export.hpp"
#include "millstream/core/file_system.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

inline constexpr std::string_view kInstancesName = "INSTANCES";
inline constexpr std::string_view kInstancesLockName = "INSTANCES.lock";

/// A time in which their number stayed the same.
struct InstanceGeneration {
  std::uint64_t number = 0;
  std::uint32_t instances = 0;
  std::uint64_t settled = 0;  ///< no checkpoint of earlier generations has a greater id, and none of this one a smaller
  friend bool operator==(const InstanceGeneration&, const InstanceGeneration&) = default;
};

struct InstanceLayout {
  /// Oldest first, at least one. Of those before the last, all that may still have state which nobody has newer.
  std::vector<InstanceGeneration> generations;
  /// Somebody is finding out how far each of the last generation came: none of them may begin without a change of this.
  bool changing = false;
  friend bool operator==(const InstanceLayout&, const InstanceLayout&) = default;
};

/// The bytes of the file, and back; nothing where they are none that instances_text() makes.
[[nodiscard]] MILLSTREAM_EXPORT std::string instances_text(const InstanceLayout& layout);
[[nodiscard]] MILLSTREAM_EXPORT std::optional<InstanceLayout> parse_instances(std::string_view text);

/// Nothing where there is no such file; kInvalidData where it is damaged.
[[nodiscard]] MILLSTREAM_EXPORT Result<std::optional<InstanceLayout>> read_instances(FileSystem& files,
                                                                                     const std::string& shared);
/// It survives a power failure then. Only with the lock.
[[nodiscard]] MILLSTREAM_EXPORT Status write_instances(FileSystem& files, const std::string& shared,
                                                       const InstanceLayout& layout);

[[nodiscard]] MILLSTREAM_EXPORT std::string generation_folder(const std::string& shared, std::uint64_t generation);
[[nodiscard]] MILLSTREAM_EXPORT std::string instance_folder(const std::string& shared, std::uint64_t generation,
                                                            std::uint32_t instance);

}  // namespace millstream::inline v0
