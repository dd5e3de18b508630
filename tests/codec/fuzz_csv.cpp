// Fuzz target: any bytes as a CSV file, cut into chunks as its first byte says. However it is cut, the rows are the
// same, their views lie within what was fed, and a good row is written and read back as itself.
#include <algorithm>

#include "fuzz.hpp"
#include "millstream/codec/csv.hpp"
#include "millstream/codec/decode.hpp"
#include "millstream/codec/encode.hpp"
#include "sample_types.hpp"

namespace {

/// All rows as one text that tells them apart.
std::string rows_of(std::string_view text, std::size_t chunk) {
  millstream::CsvReader reader{{.row_bytes_max = 512}};
  millstream::CsvDecoder<sample::Flat> decoder;
  millstream::CsvRow row;
  millstream::DecodeError error;
  bool bound = false;
  std::string all;
  std::uint64_t offset = 0;
  const auto drain = [&] {
    while (reader.next(row)) {
      fuzz_check(row.offset >= offset && row.next_offset > row.offset && row.next_offset <= text.size(), "offsets");
      fuzz_check(row.ok() == !row.fields.empty() && row.fields.size() == row.columns.size(), "fields and columns");
      fuzz_check(row.ok() || row.error_column <= row.raw.size() + 1, "a column beyond the row");
      if (row.ok()) fuzz_check(row.raw == text.substr(row.offset, row.raw.size()), "raw bytes");
      offset = row.next_offset;
      all.append(std::to_string(row.line)).append(row.ok() ? " good " : " bad ").append(row.raw);
      for (std::size_t i = 0; i < row.fields.size(); ++i) {
        all.append("|").append(std::to_string(row.columns[i])).append(" ").append(row.fields[i]);
      }
      all.append("\n");
      if (!bound) {
        bound = row.ok() && decoder.bind({row.fields.begin(), row.fields.end()}).ok();
        continue;
      }
      sample::Flat value;
      if (!decoder.decode(row, value, error)) {
        fuzz_check(!error.reason.empty() && error.column <= row.raw.size() + 1, "an error without reason or place");
      }
    }
  };
  for (std::size_t at = 0; at < text.size(); at += chunk) {
    reader.feed(text.substr(at, chunk));
    drain();
  }
  reader.finish();
  drain();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const std::string whole = rows_of(text, std::max<std::size_t>(text.size(), 1));
  fuzz_check(rows_of(text, 1 + data[0] % 64) == whole, "the rows depend on how the bytes are cut");
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  sample::Random random{13};
  for (int i = 0; i < 20; ++i) {
    std::string& text = seeds.emplace_back(1, static_cast<char>('0' + i));
    millstream::CsvEncoder<sample::Flat>::header(text);
    for (int row = 0; row < 4; ++row) millstream::CsvEncoder<sample::Flat>::row(random.flat(), text);
  }
  return seeds;
}
