// The one form of a path that the file system in memory keeps its names by.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace millstream::inline v0::testing {

inline std::string normal(const std::string& path) {
  std::string text = std::filesystem::path{path}.lexically_normal().string();
  if (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

inline std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return path.substr(0, slash == 0 ? 1 : slash);
}
inline std::string parent(const std::string& path) { return std::string{parent_of(path)}; }

inline bool is_root(const std::string& path) { return path == "." || path == "/"; }

}  // namespace millstream::inline v0::testing
