// The checksum of bytes in pieces is the hash of them together.
#include "millstream/core/checksum.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <string>

#include "millstream/core/random.hpp"

namespace millstream::inline v0 {
namespace {

TEST(Checksum, OfPiecesIsThatOfTheWhole) {
  Random random{1};
  for (const std::size_t size : {0, 1, 16, 17, 240, 241, 1000, 100'000}) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    Checksum checksum;
    for (std::size_t at = 0; at < size;) {
      const std::size_t piece = std::min(size - at, 1 + static_cast<std::size_t>(random.below(700)));
      checksum.add(std::string_view{bytes}.substr(at, piece));
      at += piece;
      const Checksum copy = checksum;
      EXPECT_EQ(copy.value(), Checksum::of(std::string_view{bytes}.substr(0, at)));
    }
    EXPECT_EQ(checksum.value(), hash_bytes(bytes.data(), size));
  }
}

// Whatever was in the memory before, also half of another checksum.
TEST(Checksum, StartsTheSameInAnyMemory) {
  const std::string bytes(1000, 'x');
  alignas(Checksum) unsigned char memory[sizeof(Checksum)];
  for (int part = 0; part < 32; ++part) {
    new (memory) Checksum;
    std::memset(memory + part * sizeof memory / 32, 0x5a, sizeof memory / 32);
    auto* checksum = new (memory) Checksum;
    checksum->add(bytes);
    EXPECT_EQ(checksum->value(), Checksum::of(bytes)) << part;
  }
}

}  // namespace
}  // namespace millstream::inline v0
