// A migrate that does not return the type that is migrated to must not compile.
#include "millstream/codec/schema.hpp"

struct Before {};
BOOST_DESCRIBE_STRUCT(Before, (), ())
struct Now {};
BOOST_DESCRIBE_STRUCT(Now, (), ())

template <>
struct millstream::Migration<Now> {
  using From = Before;
  static Before migrate(const Before& before) { return before; }
};

void use() { static_cast<void>(millstream::schema_of<Now>()); }
