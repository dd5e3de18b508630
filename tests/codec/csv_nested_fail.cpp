// Must not compile: a column of CSV cannot hold a list.
#include <vector>

#include "millstream/codec/encode.hpp"

struct Basket {
  std::vector<int> items;
};
BOOST_DESCRIBE_STRUCT(Basket, (), (items))

void use(const Basket& basket, std::string& out) { millstream::CsvEncoder<Basket>::row(basket, out); }
