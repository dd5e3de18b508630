// Fuzz target: any bytes as state. What is accepted is a value whose own bytes are read back.
#include "fuzz.hpp"
#include "millstream/codec/schema.hpp"
#include "sample_types.hpp"

namespace {

template <class T>
void check(std::string_view bytes, bool same_bytes) {
  T value{};
  if (!millstream::decode_value(bytes, value)) return;
  std::string written;
  millstream::encode_value(value, written);
  if (same_bytes) fuzz_check(written == bytes, "two encodings of one value");
  T back{};
  fuzz_check(millstream::decode_value(written, back), "what was written is not read");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  check<sample::Binary>(bytes, false);  // sets and unordered maps may come in another order than theirs
  check<sample::Tree>(bytes, true);
  check<sample::Flat>(bytes, true);
  check<millstream::Schema>(bytes, true);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  sample::Random random{14};
  for (int i = 0; i < 20; ++i) {
    millstream::encode_value(random.binary(), seeds.emplace_back());
    millstream::encode_value(random.tree(3), seeds.emplace_back());
    millstream::encode_value(random.flat(), seeds.emplace_back());
  }
  millstream::encode_value(millstream::schema_of<sample::Flat>(), seeds.emplace_back());
  return seeds;
}
