// Schema: what a type consists of (field names and types) as a value that can be compared, printed and stored beside
// state. Two types with equal schemas have the same binary form (codec/codec.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millstream/codec/codec.hpp"
#include "millstream/codec/migration.hpp"
#include "millstream/core/export.hpp"

namespace millstream::inline v0 {

struct Schema;
struct SchemaField;

namespace detail {

/// What only the type behind a schema can do. Each may be null.
struct SchemaHooks {
  void (*write_default)(ByteWriter& out) = nullptr;              ///< of a struct whose fields may come and go: a T{}
  bool (*skip)(ByteReader& in) = nullptr;                        ///< of an opaque type: reads one value
  Schema (*before)() = nullptr;                                  ///< of a type with a Migration: of its From
  bool (*migrate)(ByteReader& from, ByteWriter& out) = nullptr;  ///< throws what the user's migrate throws
};

}  // namespace detail

/// A type, as a tree. `type` is "bool", "char", "i8" to "i64", "u8" to "u64", "f32", "f64", "string", "empty",
/// "struct", "optional", "list", "set", "map", "array(N)", "tuple", "variant", "enum(i32)", "timestamp(i64 x 1/1000000
/// s)", "duration(i64 x 1/1000 s)", "ordered" for an i64 in eight bytes that sort as it does, "opaque(NAME)" for a type
/// with a codec of its own, or "recursive(N)" for the struct N structs further out. `fields` are a struct's fields and
/// a described enum's names; elsewhere they have no name.
struct Schema {
  std::string type;
  std::vector<SchemaField> fields;
  const detail::SchemaHooks* hooks = nullptr;  ///< where it was made from a type; no part of its value

  /// "struct{card: string, cents: i64, tags: list<string>}"
  [[nodiscard]] MILLSTREAM_EXPORT std::string to_string() const;
  friend MILLSTREAM_EXPORT bool operator==(const Schema& a, const Schema& b);
};

struct SchemaField {
  std::string name;
  Schema schema;
  friend bool operator==(const SchemaField&, const SchemaField&) = default;
};

BOOST_DESCRIBE_STRUCT(Schema, (), (type, fields))
BOOST_DESCRIBE_STRUCT(SchemaField, (), (name, schema))

namespace detail {

/// A type that has no parts.
MILLSTREAM_EXPORT Schema simple_schema(const char* type, const SchemaHooks* hooks);
/// The same of a number.
MILLSTREAM_EXPORT Schema number_schema(bool floating, bool is_signed, std::size_t size, const SchemaHooks* hooks);
/// "i32" and its like.
MILLSTREAM_EXPORT std::string number_name(bool floating, bool is_signed, std::size_t size);
/// "KIND(i64 x 1/1000 s)"
MILLSTREAM_EXPORT std::string clock_name(std::string_view kind, std::string_view rep, std::intmax_t num,
                                         std::intmax_t den);
MILLSTREAM_EXPORT void add_field(Schema& schema, std::string_view name, Schema field);

template <class T>
std::string number_name() {
  if constexpr (std::same_as<T, char>) return "char";
  return number_name(std::is_floating_point_v<T>, std::is_signed_v<T>, sizeof(T));
}

template <class T, class... Path>
Schema make_schema();

/// A described struct whose fields are not the user's: `using FixedFields = void;` in it. No field of it comes or goes
/// in a restore, though the types of its fields may change where they are the user's.
template <class T>
concept HasFixedFields = requires { typename T::FixedFields; };

template <class T>
concept HasLayout = requires { typename Codec<T>::Layout; };
/// What the bytes of T are those of.
template <class T>
struct LayoutTrait {
  using Type = T;
};
template <HasLayout T>
struct LayoutTrait<T> {
  using Type = typename Codec<T>::Layout;
};

template <class T>
constexpr SchemaHooks make_hooks() {
  SchemaHooks hooks;
  using Layout = typename LayoutTrait<T>::Type;
  if constexpr (std::default_initializable<T>) {
    if constexpr (UserCodec<T> && !HasLayout<T>) {
      hooks.skip = [](ByteReader& in) {
        T value{};
        return Codec<T>::decode(in, value);
      };
    } else if constexpr (Described<Layout> && !HasFixedFields<Layout>) {
      hooks.write_default = [](ByteWriter& out) { Codec<T>::encode(T{}, out); };
    }
  }
  if constexpr (HasMigration<T>) {
    hooks.before = [] { return make_schema<typename Migration<T>::From>(); };
    hooks.migrate = [](ByteReader& from, ByteWriter& out) {
      typename Migration<T>::From before{};
      if (!Codec<typename Migration<T>::From>::decode(from, before)) return false;
      Codec<T>::encode(Migration<T>::migrate(std::move(before)), out);
      return true;
    };
  }
  return hooks;
}
template <class T>
inline constexpr SchemaHooks kHooks = make_hooks<T>();
/// Null where there is nothing that only the type can do.
template <class T>
constexpr const SchemaHooks* hooks_of() {
  if constexpr (Described<T> || UserCodec<T> || HasMigration<T>) {
    return &kHooks<T>;
  } else {
    return nullptr;
  }
}

template <class List>
struct PartSchemas;
template <template <class...> class List, class... T>
struct PartSchemas<List<T...>> {
  template <class... Path>
  static void add(Schema& schema) {
    (add_field(schema, "", make_schema<std::remove_cv_t<T>, Path...>()), ...);
  }
};

// A type with parts, or with a codec of its own. `Path` holds the structs around T, innermost first.
template <class T, class... Path>
Schema make_compound_schema() {
  Schema schema;
  if constexpr ((std::same_as<T, Path> || ...)) {
    std::size_t level = 0;
    static_cast<void>(((++level, std::same_as<T, Path>) || ...));
    schema.type = "recursive(" + std::to_string(level) + ")";
  } else if constexpr (HasLayout<T>) {
    schema = make_schema<typename Codec<T>::Layout, Path...>();
  } else if constexpr (UserCodec<T>) {
    schema.type = "opaque";
    if constexpr (requires { std::string_view{Codec<T>::kName}; }) {
      schema.type += "(" + std::string{std::string_view{Codec<T>::kName}} + ")";
    }
  } else if constexpr (Described<T>) {
    schema.type = "struct";
    Members<T>::each(
        [&](auto d) { add_field(schema, decltype(d)::name, make_schema<MemberType<T, decltype(d)>, T, Path...>()); });
  } else if constexpr (std::is_enum_v<T>) {
    schema.type = "enum(" + make_schema<std::underlying_type_t<T>>().type + ")";
    for (const EnumName& entry : enum_names<T>()) {
      add_field(
          schema, entry.name,
          Schema{std::is_signed_v<std::underlying_type_t<T>> ? std::to_string(entry.value)
                                                             : std::to_string(static_cast<std::uint64_t>(entry.value)),
                 {}});
    }
  } else if constexpr (kIsDuration<T>) {
    schema.type = clock_name("duration", number_name<typename T::rep>(), T::period::num, T::period::den);
  } else if constexpr (kIsTimePoint<T>) {
    schema.type = clock_name("timestamp", number_name<typename T::rep>(), T::period::num, T::period::den);
  } else if constexpr (kIsTuple<T> || kIsVariant<T>) {
    schema.type = kIsTuple<T> ? "tuple" : "variant";
    PartSchemas<T>::template add<Path...>(schema);
  } else if constexpr (MapContainer<T>) {
    schema.type = "map";
    add_field(schema, "", make_schema<typename T::key_type, Path...>());
    add_field(schema, "", make_schema<typename T::mapped_type, Path...>());
  } else {
    if constexpr (kIsOptional<T>) {
      schema.type = "optional";
    } else if constexpr (kIsArray<T>) {
      schema.type = "array(" + std::to_string(std::tuple_size_v<T>) + ")";
    } else {
      schema.type = SetContainer<T> ? "set" : "list";
    }
    add_field(schema, "", make_schema<typename T::value_type, Path...>());
  }
  schema.hooks = hooks_of<T>();
  return schema;
}

template <class T, class... Path>
Schema make_schema() {
  if constexpr (HasLayout<T> || UserCodec<T>) {
    return make_compound_schema<T, Path...>();
  } else if constexpr (std::same_as<T, bool>) {
    return simple_schema("bool", hooks_of<T>());
  } else if constexpr (std::same_as<T, char>) {
    return simple_schema("char", hooks_of<T>());
  } else if constexpr (Number<T>) {
    return number_schema(std::is_floating_point_v<T>, std::is_signed_v<T>, sizeof(T), hooks_of<T>());
  } else if constexpr (std::same_as<T, std::string>) {
    return simple_schema("string", hooks_of<T>());
  } else if constexpr (std::same_as<T, std::monostate>) {
    return simple_schema("empty", hooks_of<T>());
  } else {
    return make_compound_schema<T, Path...>();
  }
}

}  // namespace detail

/// The schema of T, which must have a codec.
template <class T>
[[nodiscard]] Schema schema_of() {
  static_assert(HasCodec<T>,
                "millstream: this type has no schema; describe it with BOOST_DESCRIBE_STRUCT(Type, (), (fields...)) or "
                "specialise millstream::Codec for it");
  return detail::make_schema<T>();
}

}  // namespace millstream::inline v0
