// Right operators, and under each macro one mistake.
#include <memory>
#include <string>

#include "millstream/operators/process.hpp"

namespace ms = millstream;

struct Click {
  int id = 0;
};
BOOST_DESCRIBE_STRUCT(Click, (), (id))
struct Undescribed {
  int x = 0;
  bool operator==(const Undescribed&) const = default;
};
struct Unordered {
  int x = 0;
};
BOOST_DESCRIBE_STRUCT(Unordered, (), (x))

using Out = ms::Collector<std::string>;

struct Base {
  void open(ms::OperatorContext&) {}
};

#if defined(OPEN_INHERITED_PRIVATELY)
struct Op : private Base {
#elif defined(FINAL)
struct Op final {
#else
struct Op {
#endif
#if defined(OPEN_PRIVATE)
 private:
  void open(ms::OperatorContext&) {}

 public:
#elif defined(OPEN_OVERLOADED)
  void open(ms::OperatorContext&) {}
  void open(int) {}
#elif defined(OPEN_TEMPLATE)
  template <class Context>
  void open(Context&) {}
#elif defined(OPEN_IS_DATA)
bool open = false;
#elif defined(OPEN_WRONG)
void open() {}
#elif defined(OPEN_BY_VALUE)
void open(ms::OperatorContext) {}
#elif defined(OPEN_WRONG_RESULT)
bool open(ms::OperatorContext&) { return true; }
#elif defined(OPEN_STATIC_WRONG)
static void open(std::string) {}
#elif !defined(OPEN_INHERITED_PRIVATELY)
ms::Status open(ms::OperatorContext& context) {
#if defined(STATE_WITHOUT_CODEC)
  (void)context.value_state<Undescribed>("state");
#elif defined(LIST_WITHOUT_CODEC)
  (void)context.list_state<Undescribed>("state");
#elif defined(MAP_WITHOUT_CODEC)
  (void)context.map_state<std::string, Undescribed>("state");
#elif defined(MAP_KEY_WITHOUT_ORDER)
  (void)context.map_state<Unordered, int>("state");
#else
  (void)context.value_state<Unordered>("state");
  (void)context.list_state<Unordered>("list");
  (void)context.map_state<std::string, Unordered>("map");
#endif
  return {};
}
#endif

#if defined(PROCESS_MISSING)
#elif defined(PROCESS_WRONG)
  void process(const std::string&, Out&) {}
#elif defined(PROCESS_NOT_CONST)
  void process(Click&, Out&) {}
#elif defined(PROCESS_TEMPLATE)
void process(const auto&, Out&) {}
#elif defined(PROCESS_PRIVATE)
private:
void process(const Click&, Out&) {}

public:
#else
void process(const Click&, Out& out) { out.emit("x"); }
#endif

#if defined(ON_TIMER_OVERLOADED)
  void on_timer(const ms::Timer&, Out&) {}
  void on_timer(ms::Timestamp, Out&) {}
#elif defined(ON_TIMER_TEMPLATE)
  template <class Collector>
  void on_timer(const ms::Timer&, Collector&) {}
#elif defined(ON_TIMER_PRIVATE)
 private:
  void on_timer(const ms::Timer&, Out&) {}

 public:
#elif defined(ON_TIMER_OTHER_OUT)
void on_timer(const ms::Timer&, ms::Collector<int>&) {}
#else
void on_timer(ms::Timer, Out&, ms::OperatorContext&) const noexcept {}
#endif

#if defined(ON_WATERMARK_WRONG)
  void on_watermark(const ms::Timer&, Out&) {}
#elif defined(ON_WATERMARK_PRIVATE)
 private:
  void on_watermark(ms::Timestamp, Out&) {}

 public:
#else
  void on_watermark(ms::Timestamp, Out&) {}
#endif

#if defined(CLOSE_WRONG)
  void close(bool) {}
#elif defined(CLOSE_OVERLOADED)
  void close() {}
  void close(Out&) {}
#else
  void close() {}
#endif

#if defined(NOT_COPYABLE)
  std::unique_ptr<int> owned;
#endif
};

// Everything optional is left out, inherited or static.
struct Small {
  static void process(Click, Out&, ms::OperatorContext&) {}
};
struct Derived : Small, Base {};

#if defined(KEY_WITHOUT_CODEC)
using Key = Undescribed;
#else
using Key = int;
#endif

void use() {
  static_assert(ms::check_prototype<Op>());
#if !defined(FINAL) && !defined(PROCESS_MISSING)
  (void)std::make_unique<ms::KeyedProcessStage<Key, Click, Key (*)(const Click&), Op>>(Op{}, nullptr, 16U);
#endif
  static_assert(ms::check_operator<Op, Click, true>());
  (void)std::make_unique<ms::ProcessStage<Click, Small>>(Small{}, 16U);
  (void)std::make_unique<ms::ProcessStage<Click, Derived>>(Derived{}, 16U);
#if defined(ON_TIMER_NOT_KEYED)
  static_assert(ms::check_operator<Op, Click, false>());
#elif defined(A_LAMBDA)
  const auto lambda = [](const Click&, Out&) {};
  static_assert(ms::check_operator<decltype(lambda), Click, true>());
#elif defined(A_FUNCTION)
  static_assert(ms::check_operator<void (*)(const Click&, Out&), Click, true>());
#endif
#if defined(FUNCTION_WRONG)
  const auto function = [](const std::string&, auto&) {};
#else
  const auto function = [](const auto& click, auto& out) { out.emit(std::to_string(click.id)); };
#endif
  using Function = ms::FunctionOperator<Click, std::string, std::remove_const_t<decltype(function)>>;
  (void)std::make_unique<ms::ProcessStage<Click, Function>>(Function{function}, 16U);
}
