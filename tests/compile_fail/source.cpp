// A right source, and under each macro one mistake.
#include <memory>
#include <string>

#include "millstream/operators/source_check.hpp"

namespace ms = millstream;

#if defined(FINAL)
struct Source final {
#else
struct Source {
#endif
#if defined(POLL_MISSING)
#elif defined(POLL_WRONG)
  bool poll(ms::SourceOutput<int>&) { return false; }
#elif defined(POLL_PRIVATE)
private:
ms::Poll poll(ms::SourceOutput<int>&) { return ms::Poll::done(); }

public:
#elif defined(POLL_OVERLOADED)
ms::Poll poll(ms::SourceOutput<int>&) { return ms::Poll::done(); }
ms::Poll poll(ms::SourceOutput<long>&) { return ms::Poll::done(); }
#elif defined(POLL_TEMPLATE)
template <class T>
ms::Poll poll(ms::SourceOutput<T>&) {
  return ms::Poll::done();
}
#else
ms::Result<ms::Poll> poll(ms::SourceOutput<int>&) { return ms::Poll::done(); }
#endif

#if defined(SPLITS_WRONG)
  int splits() { return 1; }
#elif defined(SPLITS_PRIVATE)
 private:
  std::vector<ms::Split> splits(ms::SourceContext&) { return {}; }

 public:
#elif defined(SPLITS_NOT_CONST)
std::vector<ms::Split> splits(ms::SourceContext&) { return {}; }
#else
std::vector<ms::Split> splits(ms::SourceContext&) const { return {}; }
#endif

#if defined(OPEN_WRONG)
  ms::Status open(ms::SourceContext&) { return {}; }
#elif defined(OPEN_TEMPLATE)
  void open(auto&) {}
#else
void open(ms::SplitContext&) {}
#endif

#if defined(POSITION_NOT_CONST)
  ms::Position position() { return {}; }
#elif defined(POSITION_OVERLOADED)
  ms::Position position() const { return {}; }
  ms::Position position(int) const { return {}; }
#else
ms::Position position() const { return {}; }
#endif

#if defined(CLOSE_WRONG)
  void close(bool) {}
#else
  ms::Status close() { return {}; }
#endif

#if defined(ON_BAD_RECORD_IS_DATA)
  ms::OnError on_bad_record = ms::OnError::kSkip;
#else
  ms::OnError on_bad_record() const { return ms::OnError::kSkip; }
#endif
#if defined(READS_FROM_WRONG)
  int reads_from() const { return 1; }
#else
  std::string reads_from() const { return {}; }
#endif
#if defined(SHARED_BY_WRONG)
  int shared_by() const { return 1; }
#else
  std::uint32_t shared_by() const { return 1; }
#endif
#if defined(SHARED_AS_WRONG)
  int shared_as() const { return 0; }
#else
  std::uint32_t shared_as() const { return 0; }
#endif
#if defined(NOT_COPYABLE)
  std::unique_ptr<int> owned;
#endif
};

struct Small {
  int number = 0;
  ms::Poll poll(ms::SourceOutput<std::string>&) { return ms::Poll::done(); }
};

static_assert(ms::check_source<Source>());
static_assert(ms::check_source<Small>());
static_assert(std::is_same_v<ms::SourceRecord<Small>, std::string>);
