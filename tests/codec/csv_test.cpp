// CSV: the reader against a simple model for every way to cut the bytes, malformed rows and what follows them, the
// mapping of columns to fields, and round trips.
#include "millstream/codec/csv.hpp"

#include <gtest/gtest.h>

#include "millstream/codec/decode.hpp"
#include "millstream/codec/encode.hpp"
#include "sample_types.hpp"

namespace ms = millstream;

namespace {

/// A row that owns its bytes.
struct Row {
  std::vector<std::string> fields;
  std::vector<std::size_t> columns;
  std::string raw;
  std::uint64_t line;
  std::uint64_t offset;
  std::string error;
  friend bool operator==(const Row&, const Row&) = default;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.line << "@" << row.offset << " raw=" << ::testing::PrintToString(row.raw)
       << " fields=" << ::testing::PrintToString(row.fields) << " error=" << row.error;
}

std::vector<Row> read(std::string_view text, std::size_t chunk = 0, ms::CsvOptions options = {}) {
  ms::CsvReader reader{options};
  ms::CsvRow row;
  std::vector<Row> rows;
  std::uint64_t next_offset = options.offset;
  const auto drain = [&] {
    while (reader.next(row)) {
      EXPECT_GE(row.offset, next_offset);
      next_offset = row.next_offset;
      rows.push_back(
          {{row.fields.begin(), row.fields.end()}, row.columns, std::string{row.raw}, row.line, row.offset, row.error});
    }
  };
  if (chunk == 0) chunk = std::max<std::size_t>(text.size(), 1);
  for (std::size_t at = 0; at < text.size(); at += chunk) {
    reader.feed(text.substr(at, chunk));
    drain();
  }
  reader.finish();
  drain();
  EXPECT_LE(next_offset, options.offset + text.size());
  EXPECT_EQ(reader.pending_bytes(), 0U);
  return rows;
}

std::vector<std::vector<std::string>> fields_of(const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> fields;
  for (const Row& row : rows) {
    EXPECT_EQ(row.error, "") << row.raw;
    fields.push_back(row.fields);
  }
  return fields;
}

using Table = std::vector<std::vector<std::string>>;

TEST(CsvReader, FollowsRfc4180) {
  EXPECT_EQ(fields_of(read("a,b\n1,2\n")), (Table{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(fields_of(read("a,b\r\n1,2")), (Table{{"a", "b"}, {"1", "2"}}));
  EXPECT_EQ(fields_of(read("\"a\",\"b,c\",\"d\"\"e\",\"\",\"\"\"\"\r\n")), (Table{{"a", "b,c", "d\"e", "", "\""}}));
  EXPECT_EQ(fields_of(read("\"x\ny\",1\n2,3\n")), (Table{{"x\ny", "1"}, {"2", "3"}}));
  EXPECT_EQ(fields_of(read(",\n,,\n")), (Table{{"", ""}, {"", "", ""}}));
  EXPECT_EQ(fields_of(read("a\n\n\r\nb\n\n")), (Table{{"a"}, {"b"}}));
  EXPECT_EQ(fields_of(read("\"\"\n")), (Table{{""}}));
  EXPECT_EQ(fields_of(read("\xEF\xBB\xBF"
                           "a,b\n")),
            (Table{{"a", "b"}}));
  EXPECT_EQ(fields_of(read("a;b\n", 0, {.delimiter = ';'})), (Table{{"a", "b"}}));
  EXPECT_EQ(fields_of(read("a\rb,c\n")), (Table{{"a\rb", "c"}}));
  EXPECT_EQ(fields_of(read("")), Table{});
  EXPECT_EQ(fields_of(read("\xEF\xBB")), (Table{{"\xEF\xBB"}}));
}

TEST(CsvReader, KnowsWhereThingsAre) {
  const std::vector<Row> rows = read(
      "\xEF\xBB\xBF"
      "h,i\r\n\"x\ny\",\"z\"\"\",w\n\nlast,1");
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].offset, 3U);
  EXPECT_EQ(rows[1], (Row{{"x\ny", "z\"", "w"}, {1, 7, 13}, "\"x\ny\",\"z\"\"\",w", 2, 8, ""}));
  EXPECT_EQ(rows[2].line, 5U);
  EXPECT_EQ(rows[2].raw, "last,1");
}

TEST(CsvReader, ReportsMalformedRowsAndGoesOnWithTheNextLine) {
  const struct {
    const char* text;
    const char* raw;
    const char* reason;
    std::size_t good_before;
  } kCases[] = {
      {"1,2\na\"b,c\n3,4\n5,6\n", "a\"b,c", "within an unquoted field", 1},
      {"1,2\n\"a\"b,c\n3,4\n5,6\n", "\"a\"b,c", "behind a closing quote", 1},
      {"1,2\nx,\"abc\n3,4\n5,6\n", "x,\"abc", "not closed", 1},
      {"1,2\nx,\"abc\n3,4\n5,6", "x,\"abc", "not closed", 1},
      {"1,2\n3,4\n5,6\n\"", "\"", "not closed", 3},
      {"1,2\n3,4\n5,6\nx,\"a\" \r\n", "x,\"a\" ", "behind a closing quote", 3},
  };
  for (const auto& c : kCases) {
    const std::string_view text = c.text;
    for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
      std::vector<Row> rows = read(text, chunk);
      ASSERT_EQ(rows.size(), 4U) << text << " in chunks of " << chunk;
      const Row bad = rows[c.good_before];
      EXPECT_EQ(bad.raw, c.raw);
      EXPECT_TRUE(bad.fields.empty());
      EXPECT_NE(bad.error.find(c.reason), std::string::npos) << bad.error;
      EXPECT_EQ(bad.line, c.good_before + 1);
      rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(c.good_before));
      EXPECT_EQ(fields_of(rows), (Table{{"1", "2"}, {"3", "4"}, {"5", "6"}})) << text << " in chunks of " << chunk;
    }
  }
}

TEST(CsvReader, TwoUnclosedQuotesCostTwoLines) {
  const std::vector<Row> rows = read("\"abc,1\ngood,1\n\"def,2\ngood,2\n");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_NE(rows[0].error, "");
  EXPECT_EQ(rows[1].fields, (std::vector<std::string>{"good", "1"}));
  EXPECT_NE(rows[2].error, "");
  EXPECT_EQ(rows[3].fields, (std::vector<std::string>{"good", "2"}));
}

TEST(CsvReader, ARowThatIsTooLongIsCutAndSkipped) {
  const std::string text = "a,b\n" + std::string(50, 'x') + "\nc,d\n\"" + std::string(50, 'y') + "\ne,f\n12345678\r\n";
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    const std::vector<Row> rows = read(text, chunk, {.row_bytes_max = 8});
    ASSERT_EQ(rows.size(), 6U) << chunk;
    EXPECT_EQ(rows[1].raw, "xxxxxxxx");
    EXPECT_NE(rows[1].error.find("8 bytes"), std::string::npos) << rows[1].error;
    EXPECT_EQ(rows[2].fields, (std::vector<std::string>{"c", "d"}));
    EXPECT_EQ(rows[3].raw, "\"yyyyyyy");
    EXPECT_EQ(rows[4].fields, (std::vector<std::string>{"e", "f"}));
    EXPECT_EQ(rows[4].line, 5U);
    EXPECT_EQ(rows[4].offset, 4U + 51 + 4 + 52);
    EXPECT_EQ(rows[5].fields, (std::vector<std::string>{"12345678"})) << "the line ending does not count";
  }
}

TEST(CsvReader, EveryWayToCutTheBytesGivesTheSameRows) {
  sample::Random random{5};
  const std::string alphabet = "ab,\"\"\n\n\r,";
  for (int i = 0; i < 3'000; ++i) {
    std::string text;
    for (std::uint64_t n = random.below(40); n > 0; --n) text += alphabet[random.below(alphabet.size())];
    const std::vector<Row> whole = read(text);
    for (const std::size_t chunk : {1, 2, 3, 7}) ASSERT_EQ(read(text, chunk), whole) << text;
    // And reading can go on at any row that was handed out, as after a restart.
    for (const Row& row : whole) {
      const std::vector<Row> rest =
          read(std::string_view{text}.substr(row.offset), 3, {.offset = row.offset, .line = row.line});
      ASSERT_FALSE(rest.empty());
      ASSERT_EQ(rest.front(), row);
      ASSERT_EQ(rest.back(), whole.back());
    }
  }
}

TEST(CsvReader, EqualsTheModelOnRandomTables) {
  sample::Random random{6};
  for (int i = 0; i < 2'000; ++i) {
    Table table;
    std::string text;
    for (std::uint64_t rows = random.below(6); rows > 0; --rows) {
      std::vector<std::string> fields;
      std::string line;
      for (std::uint64_t n = 2 + random.below(4); n > 0; --n) {
        fields.push_back(random.text());
        std::string written = fields.back();
        const bool must_quote = written.find_first_of(",\"\r\n") != std::string::npos;
        if (must_quote || random.below(3) == 0) {
          for (std::size_t at = 0; (at = written.find('"', at)) != std::string::npos; at += 2)
            written.insert(at, 1, '"');
          written = '"' + written + '"';
        }
        line += (fields.size() == 1 ? "" : ",") + written;
      }
      table.push_back(std::move(fields));
      text += line + (rows == 1 && random.below(2) == 0 ? "" : random.below(2) == 0 ? "\n" : "\r\n");
    }
    ASSERT_EQ(fields_of(read(text, 1 + random.below(20))), table) << text;
  }
}

struct Pair {
  std::int32_t a = 0;
  std::optional<std::string> b;
  friend bool operator==(const Pair&, const Pair&) = default;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (a, b))

TEST(CsvDecoder, BindNamesEveryWrongColumn) {
  ms::CsvDecoder<Pair> decoder;
  EXPECT_TRUE(decoder.bind({"b", "a"}).ok());
  EXPECT_TRUE(decoder.bind({"a"}).ok()) << "an optional column may be missing";
  const ms::Status wrong = decoder.bind({"b", "b", "c", "A"});
  EXPECT_EQ(wrong.code(), ms::ErrorCode::kInvalidData);
  EXPECT_EQ(wrong.message(),
            "the CSV header does not fit the struct: column 'b' comes twice; unknown column 'c'; unknown column 'A'; "
            "missing column 'a'");
}

TEST(CsvDecoder, NamesFieldAndColumn) {
  const struct {
    const char* row;
    const char* field;
    std::size_t column;
    const char* reason;
  } kCases[] = {
      {"x,y", "a", 3, "expected an integer, found \"y\""},
      {"\"x\",\"y\"", "a", 5, "expected an integer, found \"y\""},
      {"x,", "a", 3, "expected an integer, found nothing"},
      {"x, 1", "a", 3, "expected an integer"},
      {"x,+1", "a", 3, "expected an integer"},
      {"x,1.0", "a", 3, "expected an integer"},
      {"x,2147483648", "a", 3, "out of range (the type holds -2147483648 to 2147483647)"},
      {"x", "", 2, "expected 2 fields, found 1"},
      {"x,1,2", "", 5, "expected 2 fields, found 3"},
      {"x\",1", "", 2, "a quote within an unquoted field"},
  };
  ms::CsvDecoder<Pair> decoder;
  ASSERT_TRUE(decoder.bind({"b", "a"}).ok());
  for (const auto& c : kCases) {
    ms::CsvReader reader;
    ms::CsvRow row;
    reader.feed(c.row);
    reader.finish();
    ASSERT_TRUE(reader.next(row));
    Pair out;
    ms::DecodeError error;
    ASSERT_FALSE(decoder.decode(row, out, error)) << c.row;
    EXPECT_EQ(error.field, c.field) << c.row;
    EXPECT_EQ(error.column, c.column) << c.row;
    EXPECT_NE(error.reason.find(c.reason), std::string::npos) << error.reason;
  }
}

template <class T>
std::vector<T> decode_all(const std::string& text) {
  ms::CsvReader reader;
  ms::CsvRow row;
  ms::CsvDecoder<T> decoder;
  std::vector<T> values;
  reader.feed(text);
  reader.finish();
  EXPECT_TRUE(reader.next(row));
  const ms::Status bound = decoder.bind({row.fields.begin(), row.fields.end()});
  EXPECT_TRUE(bound.ok()) << bound.message();
  while (bound.ok() && reader.next(row)) {
    ms::DecodeError error;
    T value{};
    EXPECT_TRUE(decoder.decode(row, value, error)) << row.raw << "\n" << ms::to_string(error);
    values.push_back(std::move(value));
  }
  return values;
}

TEST(CsvDecoder, ReadsWhatTheEncoderWrites) {
  sample::Random random{7};
  std::vector<sample::Flat> values;
  std::string text;
  ms::CsvEncoder<sample::Flat>::header(text);
  EXPECT_EQ(text, "id,name,ratio,small,good,letter,big,tiny,color,level,at,exact,coarse,took,maybe,note\n");
  for (int i = 0; i < 3'000; ++i) {
    values.push_back(random.flat());
    ms::CsvEncoder<sample::Flat>::row(values.back(), text);
  }
  EXPECT_EQ(decode_all<sample::Flat>(text), values);
}

struct Single {
  std::string only;
  friend bool operator==(const Single&, const Single&) = default;
};
BOOST_DESCRIBE_STRUCT(Single, (), (only))

TEST(CsvDecoder, EmptyIsMissingOnlyWhereItIsNotQuoted) {
  EXPECT_EQ(decode_all<Pair>("a,b\n1,\n2,\"\"\n"), (std::vector<Pair>{{1, {}}, {2, ""}}));
  EXPECT_EQ(decode_all<Single>("only\n\"\"\nx\n"), (std::vector<Single>{{""}, {"x"}}));
  std::string text;
  ms::CsvEncoder<Pair>::row({2, ""}, text);
  ms::CsvEncoder<Single>::row({""}, text);
  EXPECT_EQ(text, "2,\"\"\n\"\"\n");
}

}  // namespace
