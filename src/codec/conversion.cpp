// The interpreter of conversions. Bytes that no codec wrote are refused or copied, and it is for the type's own decode
// to find the rest; they can neither make it read beyond their end nor nest deeper than kSchemaNestingMax.
#include "codec/conversion.hpp"

#include "millstream/codec/schema_json.hpp"

namespace millstream::inline v0::detail {
namespace {

using Step = ConversionStep;

class Runner {
 public:
  explicit Runner(ByteReader& in) : in_{in} {}

  bool run(const Step& step, std::string* out) {
    if (depth_ == kSchemaNestingMax) return false;
    ++depth_;
    const bool good = run_at_depth(step, out);
    --depth_;
    return good;
  }

 private:
  bool run_at_depth(const Step& step, std::string* out) {
    switch (step.kind) {
      case Step::Kind::kFixed:
        return copy(step.size, out);
      case Step::Kind::kString: {
        std::size_t size = 0;
        return count(size, out) && copy(size, out);
      }
      case Step::Kind::kOptional:
        return optional(step, out);
      case Step::Kind::kSequence: {
        std::size_t elements = 0;
        return count(elements, out) && repeat(step, elements, out);
      }
      case Step::Kind::kArray:
        return repeat(step, step.size, out);
      case Step::Kind::kTuple:
        return repeat(step, 1, out);
      case Step::Kind::kVariant:
        return variant(step, out);
      case Step::Kind::kOpaque:
        return copy_read(out,
                         [&] { return step.hooks != nullptr && step.hooks->skip != nullptr && step.hooks->skip(in_); });
      case Step::Kind::kStruct:
        return out == nullptr || step.in_order ? structure(step, out) : reordered(step, *out);
      case Step::Kind::kMigrate:
        return migrate(step, out);
    }
    return false;
  }

  /// Appends what read() takes from the input.
  template <class Read>
  bool copy_read(std::string* out, Read&& read) {
    const char* const begin = place();
    if (!read()) return false;
    if (out != nullptr) out->append(begin, place());
    return true;
  }
  [[nodiscard]] const char* place() {
    std::string_view here;
    static_cast<void>(in_.read_view(0, here));
    return here.data();
  }
  bool copy(std::uint64_t size, std::string* out) {
    std::string_view bytes;
    return copy_read(out, [&] { return size <= in_.remaining() && in_.read_view(size, bytes); });
  }
  bool count(std::size_t& count, std::string* out) {
    return copy_read(out, [&] { return in_.read_count(count); });
  }
  bool repeat(const Step& step, std::uint64_t times, std::string* out) {
    for (; times > 0; --times) {
      for (const Step* part : step.parts) {
        if (!run(*part, out)) return false;
      }
    }
    return true;
  }
  bool optional(const Step& step, std::string* out) {
    std::uint8_t has_value = 0;
    if (!copy_read(out, [&] { return in_.read_fixed(has_value) && has_value <= 1; })) return false;
    return has_value == 0 || run(*step.parts.front(), out);
  }
  bool variant(const Step& step, std::string* out) {
    std::uint64_t index = 0;
    return copy_read(out, [&] { return in_.read_varint(index) && index < step.parts.size(); }) &&
           run(*step.parts[index], out);
  }
  bool structure(const Step& step, std::string* out) {
    std::size_t next = 0;
    const auto skip_to = [&](std::size_t end) {
      for (; next < end; ++next) {
        if (!run(*step.parts[next], nullptr)) return false;
      }
      return true;
    };
    if (out != nullptr) {
      for (const Step::Field& field : step.fields) {
        if (field.part == Step::kDefault) {
          out->append(field.bytes);
        } else if (!skip_to(field.part) || !run(*step.parts[next++], out)) {
          return false;
        }
      }
    }
    return skip_to(step.parts.size());
  }
  bool reordered(const Step& step, std::string& out) {
    std::vector<std::string> parts(step.parts.size());
    std::vector<bool> kept(step.parts.size(), false);
    for (const Step::Field& field : step.fields) {
      if (field.part != Step::kDefault) kept[field.part] = true;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!run(*step.parts[i], kept[i] ? &parts[i] : nullptr)) return false;
    }
    for (const Step::Field& field : step.fields) {
      out.append(field.part == Step::kDefault ? field.bytes : parts[field.part]);
    }
    return true;
  }
  bool migrate(const Step& step, std::string* out) {
    std::string before;
    if (!run(*step.parts.front(), out == nullptr ? nullptr : &before)) return false;
    if (out == nullptr) return true;
    ByteReader from{before};
    ByteWriter to{*out};
    return step.hooks->migrate(from, to) && from.remaining() == 0;
  }

  ByteReader& in_;
  int depth_ = 0;
};

}  // namespace

bool run_conversion(const ConversionStep& step, ByteReader& in, std::string* out) { return Runner{in}.run(step, out); }

}  // namespace millstream::inline v0::detail
