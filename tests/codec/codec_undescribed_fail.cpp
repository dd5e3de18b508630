// Must not compile: a member has no codec.
#include "millstream/codec/codec.hpp"

struct Undescribed {
  int x;
};
struct Holder {
  std::optional<Undescribed> held;
};
BOOST_DESCRIBE_STRUCT(Holder, (), (held))

void use(const Holder& holder, millstream::ByteWriter& out) { millstream::Codec<Holder>::encode(holder, out); }
