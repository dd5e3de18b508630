// Reading and writing records allocates nothing in the steady state, counted by this program's own operator new.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "millstream/codec/codec.hpp"
#include "millstream/codec/decode.hpp"
#include "millstream/codec/encode.hpp"
#include "sample_types.hpp"

namespace {
std::atomic<std::size_t> allocations{0};
}

// Not inlined: the compiler would see free() and new side by side and take them for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  ++allocations;
  return std::malloc(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace ms = millstream;

namespace {

/// How many allocations 100 calls make, after two that may.
template <class F>
std::size_t steady_allocations(F&& f) {
  f();
  f();
  const std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) f();
  return allocations - before;
}

TEST(Allocation, NoneForJsonRecords) {
  sample::Random random{8};
  sample::Flat value = random.flat();
  std::string text;
  EXPECT_EQ(steady_allocations([&] {
              text.clear();
              ms::encode_json(value, text);
            }),
            0U);
  ms::JsonDecoder<sample::Flat> decoder;
  ms::DecodeError error;
  EXPECT_EQ(steady_allocations([&] { ASSERT_TRUE(decoder.decode(text, value, error)); }), 0U);
}

TEST(Allocation, NoneForCsvRows) {
  sample::Random random{9};
  sample::Flat value = random.flat();
  value.name = "a \"quoted\" name, longer than a string holds in place";
  std::string header;
  ms::CsvEncoder<sample::Flat>::header(header);
  std::string text;
  EXPECT_EQ(steady_allocations([&] {
              text.clear();
              ms::CsvEncoder<sample::Flat>::row(value, text);
            }),
            0U);
  ms::CsvReader reader;
  ms::CsvRow row;
  reader.feed(header);
  ASSERT_TRUE(reader.next(row));
  ms::CsvDecoder<sample::Flat> decoder;
  ASSERT_TRUE(decoder.bind({row.fields.begin(), row.fields.end()}).ok());
  ms::DecodeError error;
  EXPECT_EQ(steady_allocations([&] {
              reader.feed(text);
              ASSERT_TRUE(reader.next(row));
              ASSERT_TRUE(decoder.decode(row, value, error)) << error.reason;
            }),
            0U);
}

TEST(Allocation, NoneForStateBytes) {
  sample::Random random{10};
  sample::Flat value = random.flat();
  std::string bytes;
  EXPECT_EQ(steady_allocations([&] {
              bytes.clear();
              ms::encode_value(value, bytes);
              ASSERT_TRUE(ms::decode_value(bytes, value));
            }),
            0U);
}

}  // namespace
