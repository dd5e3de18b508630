// Right sinks, and under each macro one mistake.
#include <memory>
#include <string>

#include "millstream/operators/sink_check.hpp"

namespace ms = millstream;

#if defined(FINAL)
struct Sink final {
#else
struct Sink {
#endif
#if defined(WRITE_MISSING)
#elif defined(WRITE_WRONG)
  void write(const std::string&) {}
#elif defined(WRITE_WRONG_RESULT)
bool write(const int&) { return true; }
#elif defined(WRITE_OVERLOADED)
void write(const int&) {}
std::size_t write(std::span<int>) { return 0; }
#elif defined(WRITE_TEMPLATE)
void write(const auto&) {}
#elif defined(WRITE_PRIVATE)
private:
void write(const int&) {}

public:
#else
void write(const int&) {}
#endif

#if defined(OPEN_WRONG)
  void open(std::string) {}
#elif defined(OPEN_OVERLOADED)
  void open() {}
  void open(ms::SinkContext&) {}
#else
ms::Status open(ms::SinkContext&) { return {}; }
#endif

#if defined(FLUSH_WRONG)
  bool flush() { return true; }
#elif defined(FLUSH_PRIVATE)
 private:
  void flush() {}

 public:
#else
void flush() {}
#endif

#if defined(CLOSE_WRONG)
  void close() {}
#elif defined(CLOSE_TEMPLATE)
  template <class End>
  void close(End) {}
#else
ms::Status close(ms::SinkEnd) { return {}; }
#endif

#if defined(PREPARE_MISSING)
#elif defined(PREPARE_WRONG)
  void prepare() {}
#elif defined(PREPARE_PRIVATE)
private:
std::string prepare() { return {}; }

public:
#else
std::string prepare() { return {}; }
#endif

#if defined(COMMIT_MISSING)
#elif defined(COMMIT_WRONG)
  void commit() {}
#elif defined(COMMIT_OVERLOADED)
void commit(const std::string&) {}
void commit() {}
#else
void commit(const std::string&) {}
#endif

#if defined(RECOVER_WRONG)
  void recover(std::span<const std::string>, std::span<const std::string>) {}
#elif defined(RECOVER_TEMPLATE)
  void recover(ms::SinkContext&, auto, auto) {}
#else
ms::Status recover(ms::SinkContext&, std::span<const std::string>, std::span<const std::string>) { return {}; }
#endif

#if defined(DRAIN_WRONG)
  void drain() {}
#elif defined(DRAIN_PRIVATE)
 private:
  bool drain() { return true; }

 public:
#else
bool drain() { return true; }
#endif

#if defined(MAKE_DECIDER_MISSING)
#elif defined(MAKE_DECIDER_WRONG)
  std::shared_ptr<int> make_decider() const { return nullptr; }
#elif defined(MAKE_DECIDER_NOT_CONST)
std::shared_ptr<ms::Decider> make_decider() { return nullptr; }
#else
std::shared_ptr<ms::Decider> make_decider() const { return nullptr; }
#endif

#if defined(DECIDE_BY_MISSING)
#elif defined(DECIDE_BY_WRONG)
  void decide_by(int) {}
#else
void decide_by(std::shared_ptr<ms::Decider>) {}
#endif
#if defined(NOT_COPYABLE)
  std::unique_ptr<int> owned;
#endif
};

struct Spans {
  ms::Result<std::size_t> write(std::span<const int> records) { return records.size(); }
};

static_assert(ms::check_sink<Sink, int>());
static_assert(ms::check_sink<Spans, int>());
