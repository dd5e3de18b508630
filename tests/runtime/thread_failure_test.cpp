// A job whose threads cannot all be started. This program's pthread_create takes the place of the system's and fails
// when it is told to.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

#include "runtime/jobs.hpp"

namespace {

std::atomic<int> threads_left{-1};  // negative: no limit

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                              void* argument) noexcept {
  if (threads_left >= 0 && threads_left-- == 0) {
    threads_left = 0;
    return EAGAIN;
  }
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, attributes, body, argument);
}

namespace millstream::test {
namespace {

TEST(ThreadFailure, EndsTheJobWithAReason) {
  for (const bool signals : {false, true}) {
    for (const int possible : {0, 1, 3}) {
      const SharedCounts counts = make_counts();
      Dataflow flow{"short of threads"};
      flow.from(EndlessSource{counts, 4}).rebalance().to(CountingSink{counts});
      RunOptions options = quiet(4);
      options.handle_signals = signals;
      std::string logged;
      options.log = [&](LogLevel, std::string_view message) { logged = message; };
      threads_left = possible;
      Job job = start(flow, options);
      const bool ended = job.wait_for(10s);  // shards get their threads from the job's own
      threads_left = -1;
      ASSERT_TRUE(ended) << possible;
      const JobResult result = job.wait();
      EXPECT_EQ(result.state, JobState::kFailed);
      EXPECT_NE(result.status.message().find("cannot start the job's threads"), std::string::npos)
          << result.status.to_string();
      EXPECT_EQ(logged, result.status.message());
      EXPECT_EQ(counts->closed_finished, 0);
    }
  }
}

}  // namespace
}  // namespace millstream::test
