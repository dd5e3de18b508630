// Must not compile: the type has no description.
#include "millstream/codec/decode.hpp"

struct Undescribed {
  int x;
};
millstream::JsonDecoder<std::vector<Undescribed>> decoder;

bool use(const millstream::CsvRow& row, millstream::DecodeError& error) {
  std::vector<Undescribed> out;
  return decoder.decode(row.raw, out, error);
}
