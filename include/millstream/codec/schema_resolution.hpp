// From a schema that values were written with to the one of the type that reads them: which fields came and went, and a
// program that rewrites the bytes of a value. This is the schema resolution of Apache Avro (specification 1.11, "Schema
// Resolution": fields are matched by name, the reader's default stands in for what the writer did not have, what the
// reader does not have is skipped), without its promotions of numbers and aliases.
#pragma once

#include <string>
#include <vector>

#include "millstream/codec/schema.hpp"
#include "millstream/core/export.hpp"
#include "millstream/core/snapshot.hpp"
#include "millstream/core/status.hpp"

namespace millstream::inline v0 {

/// What to do with values written as `written`, so that the type of `now` = schema_of<T>() reads them: fields of
/// described structs that were added get the value that they have in a T{}, those that were removed are dropped, their
/// order is that of T, names may have been added to an enum, and a Migration (codec/migration.hpp) does the rest. What
/// decides equality, the elements of sets and the keys of maps, has to be as it was. kInvalidArgument with the
/// difference, a line a field ("+ country: string", "- age: i32", "~ total: i32 -> i64"), where no way is known;
/// kUserFailure where T{} throws.
[[nodiscard]] MILLSTREAM_EXPORT Result<StateConversion> resolve_schema(const Schema& written, const Schema& now);

/// Declares a state whose keys and values are written by codecs, or as if they were. The key decides where an entry
/// lies and which one it is, so it has to stay as it was; the value may change as resolve_schema() allows.
[[nodiscard]] MILLSTREAM_EXPORT StateDeclaration declare_entries(std::string name, const Schema& key, Schema value);

/// The declarations of a stage that has this one state, by functions as schema_of<T>: what is declared then is compiled
/// here, not with each type.
[[nodiscard]] MILLSTREAM_EXPORT std::vector<StateDeclaration> declare_only_entries(const char* name, Schema (*key)(),
                                                                                   Schema (*value)());

/// The schema of a struct that is no type: what a stage writes one behind the other. Its fields are fixed.
[[nodiscard]] MILLSTREAM_EXPORT Schema fixed_struct(std::vector<SchemaField> fields);

}  // namespace millstream::inline v0
