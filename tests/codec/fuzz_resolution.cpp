// Fuzz target: any bytes as a value of an earlier version, and any text as the schema of one. What is converted without
// an error is, where it was written by a codec, a value; nothing reads beyond the bytes or has them grow without bound.
#include "fuzz.hpp"
#include "versions.hpp"

// A line with a schema (empty: that of before::Order), then bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const std::size_t line = std::min(input.find('\n'), size);
  const std::string_view text = input.substr(0, line);
  const std::string_view bytes = input.substr(std::min(line + 1, size));
  static const ms::Schema now = ms::schema_of<now::Order>();
  static const ms::Schema before = ms::schema_of<before::Order>();
  const auto written = text.empty() ? ms::Result<ms::Schema>{before} : ms::parse_schema(text);
  if (!written) return 0;
  const auto resolved = ms::resolve_schema(*written, now);
  if (!resolved) {
    fuzz_check(!resolved.error().message().empty(), "refused without a reason");
    return 0;
  }
  std::string converted;
  if (!resolved->convert(bytes, converted).ok()) return 0;
  fuzz_check(converted.size() < 1000 + 1000 * bytes.size(), "more bytes than the input bears out");
  now::Order order;
  before::Order old;
  const bool good = ms::decode_value(converted, order);
  if (text.empty() && ms::decode_value(bytes, old)) {
    fuzz_check(good && order == versions::expected(old), "a value was converted into another one");
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  versions::Random random{16};
  const std::string schema = ms::schema_of<before::Order>().to_string();
  for (int i = 0; i < 20; ++i) {
    ms::encode_value(random.order(), seeds.emplace_back("\n"));
    ms::encode_value(random.order(), seeds.emplace_back(schema + "\n"));
  }
  return seeds;
}
