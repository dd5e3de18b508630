// Golden files: bytes that a version of the format once wrote, and must go on writing. With MILLSTREAM_WRITE_GOLDEN set
// the file is written instead; what changed then shows in the version control.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "connectors/temporary_folder.hpp"

namespace millstream::inline v0::testing {

inline ::testing::AssertionResult is_golden(const std::string& name, const std::string& bytes) {
  const std::string path = MILLSTREAM_GOLDEN_FOLDER "/" + name;
  if (std::getenv("MILLSTREAM_WRITE_GOLDEN") != nullptr) std::ofstream{path, std::ios::binary} << bytes;
  if (TemporaryFolder::read(path) == bytes) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "the bytes differ from " << path;
}

}  // namespace millstream::inline v0::testing
