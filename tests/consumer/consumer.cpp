// A user's whole program: uses compiled code of the library through its public headers and checks what comes out.
#include <millstream/core/status.hpp>
#include <millstream/core/timestamp.hpp>

#include <iostream>

namespace ms = millstream;

int main() {
  const ms::Result<ms::Timestamp> at = ms::parse_timestamp("2001-03-04T01:01:00+01:00");
  if (!at) {
    std::cerr << at.error().to_string() << '\n';
    return 1;
  }
  std::cout << ms::to_string(*at) << '\n';
  return ms::to_string(*at) == "2001-03-04T00:01:00Z" ? 0 : 1;
}
