// The one form of a path that the file system in memory keeps its names by.
#pragma once

#include <filesystem>
#include <string>

namespace millstream::inline v0::testing {

inline std::string normal(const std::string& path) {
  std::string text = std::filesystem::path{path}.lexically_normal().string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

inline std::string parent(const std::string& path) {
  const std::string above = std::filesystem::path{path}.parent_path().string();
  return above.empty() ? "." : above;
}

inline bool is_root(const std::string& path) { return path == "." || path == "/"; }

}  // namespace millstream::inline v0::testing
