// Must not compile: the type has no description.
#include "millstream/codec/decode.hpp"

struct Undescribed {
  int x;
};
millstream::CsvDecoder<Undescribed> decoder;

bool use(const millstream::CsvRow& row, millstream::DecodeError& error) {
  Undescribed out{};
  return decoder.decode(row, out, error);
}
