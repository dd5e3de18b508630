// A right aggregate, and under each macro one mistake.
#include "millstream/window/all_of.hpp"

namespace ms = millstream;

#if defined(FINAL)
struct Greatest final {
#else
struct Greatest {
#endif
#if defined(CREATE_MISSING)
#elif defined(CREATE_NOT_CONST)
  int create() { return 0; }
#elif defined(CREATE_PRIVATE)
private:
int create() const { return 0; }

public:
#else
int create() const { return 0; }
#endif

#if defined(ADD_MISSING)
#elif defined(ADD_NOT_CONST)
  void add(int& acc, const long& record) { acc = static_cast<int>(record); }
#elif defined(ADD_OTHER_RECORD)
void add(int& acc, const char* record) const { acc = *record; }
#elif defined(ADD_PRIVATE)
private:
void add(int& acc, const long& record) const { acc = static_cast<int>(record); }

public:
#else
void add(int& acc, const long& record, ms::Timestamp) const { acc = static_cast<int>(record); }
#endif

#if defined(MERGE_NOT_CONST)
  void merge(int& acc, const int& later) { acc = later; }
#elif defined(MERGE_WRONG)
  void merge(int& acc) const { acc = 0; }
#elif defined(MERGE_OTHER_ACCUMULATOR)
void merge(int& acc, const int* later) const { acc = *later; }
#elif defined(MERGE_IS_DATA)
bool merge = true;
#elif defined(MERGE_PRIVATE)
private:
void merge(int& acc, const int& later) const { acc = later; }

public:
#elif !defined(MERGE_MISSING)
void merge(int& acc, const int& later) const { acc = later; }
#endif

#if defined(RESULT_MISSING)
#elif defined(RESULT_NOT_CONST)
  int result(const int& acc) { return acc; }
#elif defined(RESULT_VOID)
void result(const int&) const {}
#else
int result(int acc) const { return acc; }
#endif
};

// Every member is right, but what they keep cannot be written.
struct Undescribed {
  int x = 0;
};
struct KeepsUndescribed {
  Undescribed create() const { return {}; }
  void add(Undescribed& acc, const long&) const { ++acc.x; }
  int result(const Undescribed& acc) const { return acc.x; }
};
#if defined(ACCUMULATOR_WITHOUT_CODEC)
static_assert(ms::check_aggregate<KeepsUndescribed, long>());
#endif

// Members may be templates, for they are called as they are; merge may be missing where nothing is merged.
struct Any {
  int create() const { return 0; }
  void add(int& acc, const auto&) const { ++acc; }
  int result(const int& acc) const { return acc; }
};

static_assert(ms::check_aggregate<Any, long>());
#if defined(MERGE_MISSING)
static_assert(ms::check_aggregate<Greatest, long, true>());
#else
static_assert(ms::check_aggregate<Greatest, long>());
#endif
#if defined(A_FUNCTION)
static_assert(ms::check_aggregate<int (*)(int), long>());
#endif

// all_of merges exactly if all of its parts do.
using Both = decltype(ms::all_of(Any{}, Any{}).bind<long>());
static_assert(ms::check_aggregate<Both, long>() && !ms::MergingAggregate<Both>);
