// Decoding and encoding one record of the demo's kind, in bytes a second: JSON, CSV and the bytes of state.
#include <benchmark/benchmark.h>

#include <boost/describe/class.hpp>
#include <string>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/codec/decode.hpp"
#include "millstream/codec/encode.hpp"
#include "millstream/core/timestamp.hpp"

namespace {

struct Flight {
  millstream::Timestamp scheduled_at;
  std::string origin;
  std::string destination;
  std::int64_t delay_minutes = 0;
  double distance = 0;
  BOOST_DESCRIBE_CLASS(Flight, (), (scheduled_at, origin, destination, delay_minutes, distance), (), ())
};
const Flight kFlight{millstream::Timestamp{std::chrono::seconds{983'664'060}}, "ORD", "LGA", 137, 733.5};

void count_bytes(benchmark::State& state, std::size_t bytes) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * bytes));
}

void json_decode(benchmark::State& state) {
  std::string text;
  millstream::encode_json(kFlight, text);
  millstream::JsonDecoder<Flight> decoder;
  millstream::DecodeError error;
  Flight flight;
  for ([[maybe_unused]] auto _ : state) {
    if (!decoder.decode(text, flight, error)) state.SkipWithError("the record was refused");
    benchmark::DoNotOptimize(flight);
  }
  count_bytes(state, text.size());
}
BENCHMARK(json_decode)->Name("codec/json_decode");

void json_encode(benchmark::State& state) {
  std::string text;
  for ([[maybe_unused]] auto _ : state) {
    text.clear();
    millstream::encode_json(kFlight, text);
    benchmark::DoNotOptimize(text.data());
  }
  count_bytes(state, text.size());
}
BENCHMARK(json_encode)->Name("codec/json_encode");

void csv_decode(benchmark::State& state) {
  constexpr std::size_t kRows = 512;
  const std::string row = "2001-03-04T00:01:00Z,ORD,LGA,137,733.5\n";
  std::string chunk;
  for (std::size_t i = 0; i < kRows; ++i) chunk += row;
  millstream::CsvReader reader;
  millstream::CsvDecoder<Flight> decoder;
  if (!decoder.bind({"scheduled_at", "origin", "destination", "delay_minutes", "distance"}).ok()) {
    state.SkipWithError("the header was refused");
  }
  millstream::CsvRow fields;
  millstream::DecodeError error;
  Flight flight;
  for ([[maybe_unused]] auto _ : state) {
    reader.feed(chunk);
    while (reader.next(fields)) {
      if (!decoder.decode(fields, flight, error)) state.SkipWithError("the row was refused");
    }
    benchmark::DoNotOptimize(flight);
  }
  count_bytes(state, chunk.size());
}
BENCHMARK(csv_decode)->Name("codec/csv_decode");

void state_bytes(benchmark::State& state) {
  std::string bytes;
  Flight flight;
  for ([[maybe_unused]] auto _ : state) {
    bytes.clear();
    millstream::encode_value(kFlight, bytes);
    if (!millstream::decode_value(bytes, flight)) state.SkipWithError("the bytes were refused");
    benchmark::DoNotOptimize(flight);
  }
  count_bytes(state, bytes.size());
}
BENCHMARK(state_bytes)->Name("codec/state_encode_and_decode");

}  // namespace
