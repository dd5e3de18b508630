// Right functions for the stages of a stream, and under each macro one mistake.
#include <string>

#include "millstream/stream/dataflow.hpp"
#include "millstream/stream/keyed_stream.hpp"

namespace ms = millstream;

struct Click {
  int id = 0;
  std::string page;
  ms::Timestamp at{};
};
BOOST_DESCRIBE_STRUCT(Click, (), (id, page, at))
struct Undescribed {
  int x = 0;
  bool operator==(const Undescribed&) const = default;
};

void use(const ms::Stream<Click>& clicks) {
#if defined(MAP_OTHER_RECORD)
  (void)clicks.map([](const std::string& text) { return text; });
#elif defined(MAP_CHANGES_RECORD)
  (void)clicks.map([](Click& click) { return ++click.id; });
#elif defined(MAP_VOID)
  (void)clicks.map([](const Click&) {});
#else
  (void)clicks.map([](const Click& click) { return click.id; }).map(std::negate<>{});
#endif
#if defined(FILTER_OTHER_RECORD)
  (void)clicks.filter([](const std::string&) { return true; });
#elif defined(FILTER_VOID)
  (void)clicks.filter([](const Click&) {});
#elif defined(FILTER_NOT_BOOL)
  (void)clicks.filter([](const Click& click) { return click.page; });
#else
  (void)clicks.filter([](const Click& click) { return click.id > 0; });
#endif
#if defined(FLAT_MAP_WITHOUT_COLLECTOR)
  (void)clicks.flat_map<int>([](const Click& click) { return click.id; });
#else
  (void)clicks.flat_map<int>([](const Click& click, ms::Collector<int>& out) { out.emit(click.id); });
#endif
#if defined(PEEK_OTHER_RECORD)
  (void)clicks.peek([](const std::string&) {});
#else
  (void)clicks.peek([](const Click&) {});
#endif
#if defined(KEY_BY_OTHER_RECORD)
  (void)clicks.key_by([](const std::string& text) { return text; });
#elif defined(KEY_BY_OTHER_MEMBER)
  (void)clicks.key_by(&Undescribed::x);
#elif defined(KEY_BY_WITHOUT_CODEC)
  (void)clicks.key_by([](const Click& click) { return Undescribed{click.id}; });
#else
  (void)clicks.key_by(&Click::id);
#endif
#if defined(EVENT_TIME_OTHER_RECORD)
  (void)clicks.event_time([](const std::string&) { return ms::Timestamp{}; }, ms::monotonic());
#elif defined(EVENT_TIME_NOT_A_TIME)
  (void)clicks.event_time(&Click::id, ms::monotonic());
#else
  (void)clicks.event_time(&Click::at, ms::monotonic());
#endif
}
