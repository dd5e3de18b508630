// A user's whole program: uses compiled code of the library through its public headers and checks what comes out.
#include <millstream/core/status.hpp>

#include <iostream>

namespace ms = millstream;

int main() {
  const ms::Status status{ms::ErrorCode::kNotFound, "flights.csv"};
  std::cout << status.at("consumer").to_string() << '\n';
  return status.at("consumer").to_string() == "not_found: consumer: flights.csv" ? 0 : 1;
}
