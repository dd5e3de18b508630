// A user's own test program: the test kit links and works without a test framework.
#include <millstream/testing/memory_file_system.hpp>

#include <iostream>

int main() {
  millstream::testing::MemoryFileSystem files;
  files.write_file("in.csv", "a,b\n");
  files.append_file("in.csv", "1,2\n");
  std::cout << files.read_file("in.csv");
  return files.read_file("in.csv") == "a,b\n1,2\n" ? 0 : 1;
}
