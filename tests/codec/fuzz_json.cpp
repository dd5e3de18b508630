// Fuzz target: any bytes as a JSON record. What is accepted must be a value that is written and read back as itself.
#include "fuzz.hpp"
#include "millstream/codec/decode.hpp"
#include "millstream/codec/encode.hpp"
#include "sample_types.hpp"

namespace {

template <class T>
void check(std::string_view record) {
  static millstream::JsonDecoder<T> decoder;
  millstream::DecodeError error;
  T value{};
  if (!decoder.decode(record, value, error)) {
    fuzz_check(!error.reason.empty(), "an error without a reason");
    fuzz_check(error.column <= record.size() + 1, "a column beyond the record");
    return;
  }
  std::string text;
  millstream::encode_json(value, text);
  T back{};
  fuzz_check(decoder.decode(text, back, error), "what was written is not read");
  fuzz_check(back == value, "what was written is read as something else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view record{reinterpret_cast<const char*>(data), size};
  check<sample::Nested>(record);
  check<sample::Tree>(record);
  check<std::vector<std::map<std::string, std::string>>>(record);
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds = {R"([{"a":"b","c":"\u00e9\n"},{}])"};
  sample::Random random{12};
  for (int i = 0; i < 20; ++i) {
    millstream::encode_json(random.nested(), seeds.emplace_back());
    millstream::encode_json(random.tree(3), seeds.emplace_back());
  }
  return seeds;
}
