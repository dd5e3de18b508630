// Which column of a CSV file goes to which field, and rows through that mapping.
#include "millstream/codec/csv_binding.hpp"

#include <algorithm>

#include "millstream/core/assert.hpp"

namespace millstream::inline v0::detail {

Status CsvBinding::bind(std::span<const CsvField> fields, const std::vector<std::string>& header) {
  std::string problems;
  const auto problem = [&](std::string_view before, std::string_view name, std::string_view behind) {
    if (!problems.empty()) problems.append("; ");
    problems.append(before).append("'").append(name).append("'").append(behind);
  };
  bound_ = false;
  field_of_column_.clear();
  absent_.clear();
  for (const std::string& name : header) {
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const CsvField& f) { return f.name == name; });
    const auto index = static_cast<std::size_t>(field - fields.begin());
    if (field == fields.end()) {
      problem("unknown column ", name, "");
    } else if (std::count(field_of_column_.begin(), field_of_column_.end(), index) != 0) {
      problem("column ", name, " comes twice");
    }
    field_of_column_.push_back(index);
  }
  for (std::size_t index = 0; index < fields.size(); ++index) {
    if (std::count(field_of_column_.begin(), field_of_column_.end(), index) != 0) continue;
    if (fields[index].optional) {
      absent_.push_back(index);
    } else {
      problem("missing column ", fields[index].name, "");
    }
  }
  if (!problems.empty()) return Status{ErrorCode::kInvalidData, "the CSV header does not fit the struct: " + problems};
  bound_ = true;
  return {};
}

bool CsvBinding::decode(std::span<const CsvField> fields, const CsvRow& row, void* object, DecodeError& error) const {
  MILLSTREAM_ASSERT(bound_);
  if (!row.ok()) {
    error = {"", row.error_column, row.error};
    return false;
  }
  const std::size_t count = field_of_column_.size();
  if (row.fields.size() != count) {
    const std::size_t column = row.fields.size() > count ? row.columns[count] : row.raw.size() + 1;
    error = {"", column, "expected " + std::to_string(count) + " fields, found " + std::to_string(row.fields.size())};
    return false;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const CsvField& field = fields[field_of_column_[i]];
    const bool quoted = row.fields[i].empty() && row.raw.substr(row.columns[i] - 1).starts_with('"');
    if (field.read(row.fields[i], quoted, object, error.reason)) continue;
    error.field = field.name;
    error.column = row.columns[i];
    return false;
  }
  for (const std::size_t index : absent_) fields[index].reset(object);
  return true;
}

}  // namespace millstream::inline v0::detail
