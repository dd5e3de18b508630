// Fuzz target: any text as a schema, any bytes as a value of it. What is accepted has one spelling, and its JSON is
// JSON.
#include "fuzz.hpp"
#include "millstream/codec/schema_json.hpp"
#include "sample_types.hpp"

// A line with a schema, then bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const std::size_t line = std::min(input.find('\n'), size);
  const std::string_view text = input.substr(0, line);
  const std::string_view bytes = input.substr(std::min(line + 1, size));
  const auto schema = millstream::parse_schema(text);
  if (!schema) return 0;
  fuzz_check(schema->to_string() == text, "two texts of one schema");
  std::string json;
  if (!millstream::bytes_to_json(*schema, bytes, json)) return 0;
  fuzz_check(bool{millstream::compact_json(json)}, "what was written is no JSON");
  return 0;
}

namespace {

template <class T>
void add_seed(const T& value, std::vector<std::string>& seeds) {
  std::string seed = millstream::schema_of<T>().to_string() + "\n";
  millstream::encode_value(value, seed);
  seeds.push_back(std::move(seed));
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  sample::Random random{15};
  for (int i = 0; i < 10; ++i) {
    add_seed(random.binary(), seeds);
    add_seed(random.tree(3), seeds);
    add_seed(random.flat(), seeds);
    add_seed(random.binary().either, seeds);
    add_seed(std::pair{random.number<std::int64_t>(), random.text()}, seeds);
  }
  return seeds;
}
