// What the victim reads, what it shall write, and what it has written, without any part of the library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace millstream::crash {

/// Writes the input files of the seed below `folder` and gives back all lines that the job shall write for them,
/// sorted.
std::vector<std::string> write_input(const std::filesystem::path& folder, std::uint64_t seed);

/// All lines below `folder`/output that readers see, sorted.
std::vector<std::string> lines_seen(const std::filesystem::path& folder);

/// Up to ten lines of those of `lines` that are not in `others`, or more often than there; empty where there are none.
std::string beyond(const std::vector<std::string>& lines, const std::vector<std::string>& others);

}  // namespace millstream::crash
