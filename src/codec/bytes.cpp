// The parts of the binary format that are not on the path of every byte: growing the target, and long varints.
#include "millstream/codec/bytes.hpp"

#include <stdexcept>

namespace millstream::inline v0 {

void ByteWriter::grow_string(ByteWriter& writer, std::size_t size) {
  auto& target = *static_cast<std::string*>(writer.target_);
  target.resize(size);
  writer.data_ = target.data();
  writer.size_ = size;
}

void ByteWriter::grow_vector(ByteWriter& writer, std::size_t size) {
  auto& target = *static_cast<std::vector<std::byte>*>(writer.target_);
  target.resize(size);
  writer.data_ = reinterpret_cast<char*>(target.data());
  writer.size_ = size;
}

void ByteWriter::too_deep() {
  throw std::length_error{"millstream: a value nests deeper than 64 structs and cannot be encoded"};
}

bool ByteReader::read_long_varint(std::uint64_t& value) noexcept {
  std::uint64_t result = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == end_) return false;
    const auto byte = static_cast<unsigned char>(*at_++);
    if (shift == 63 && byte > 1) return false;  // beyond 64 bits
    if (shift != 0 && byte == 0) return false;  // a shorter form exists
    result |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) {
      value = result;
      return true;
    }
  }
  return false;
}

}  // namespace millstream::inline v0
