// The pool by itself, for the sanitizers: every index runs exactly once,
// whoever calls, whatever the number of threads, before and after a fork.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "engine/pool.hpp"

namespace {

using tidegate::parallel_for;

void expect(bool is_true, const char* what) {
  if (is_true) return;
  std::fprintf(stderr, "pool_test: %s\n", what);
  std::_Exit(1);
}

// The tasks write plain integers: a task run twice at once, or a caller that
// returns too early, is a data race that ThreadSanitizer sees.
void check_one_call(std::size_t count) {
  std::vector<int> runs(count, 0);
  parallel_for(
      count,
      [](void* context, std::size_t index) noexcept {
        static_cast<int*>(context)[index] += 1;
      },
      runs.data());
  for (const int times : runs) expect(times == 1, "an index ran not once");
}

void check_many_calls() {
  for (std::size_t i = 0; i < 300; ++i) check_one_call(i % 9);
  check_one_call(5000);
}

void check_nested_calls() {
  std::atomic<int> runs{0};
  parallel_for(
      8,
      [](void* context, std::size_t) noexcept {
        parallel_for(
            8,
            [](void* inner, std::size_t) noexcept {
              static_cast<std::atomic<int>*>(inner)->fetch_add(1);
            },
            context);
      },
      &runs);
  expect(runs == 64, "nested calls lost tasks");
}

// All tasks must be in flight at once for any of them to return.
void check_threads_work_together(int num) {
  tidegate::set_num_threads(num);
  struct Meeting {
    std::atomic<int> here{0};
    int expected;
  } meeting{.expected = num};
  parallel_for(
      static_cast<std::size_t>(num),
      [](void* context, std::size_t) noexcept {
        auto& all = *static_cast<Meeting*>(context);
        ++all.here;
        while (all.here < all.expected) std::this_thread::yield();
      },
      &meeting);
}

void check_many_callers() {
  std::atomic<bool> is_over{false};
  std::thread changer([&] {
    for (int i = 0; !is_over; ++i) {
      tidegate::set_num_threads(1 + i % 7);
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back(check_many_calls);
  for (auto& caller : callers) caller.join();
  is_over = true;
  changer.join();
}

// Forks while other threads use the pool, so that its locks are held.
void check_forks() {
  std::atomic<bool> is_over{false};
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      while (!is_over) check_one_call(64);
    });
  }
  for (int i = 0; i < 50; ++i) {
    const pid_t child = fork();
    expect(child >= 0, "fork failed");
    if (child == 0) {
      alarm(20);  // a child that hangs is a failure, not a hanging test
      check_one_call(64);
      check_threads_work_together(3);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    expect(status == 0, "a forked child failed");
  }
  is_over = true;
  for (auto& caller : callers) caller.join();
}

}  // namespace

int main(int argc, char** argv) {
  for (const int num : {1, 2, 3, 7, 2}) {
    tidegate::set_num_threads(num);
    check_many_calls();
    check_nested_calls();
    check_threads_work_together(num);
  }
  check_many_callers();
  // The sanitizers cannot follow: see sanitize.sh.
  if (argc < 2 || std::strcmp(argv[1], "--no-fork") != 0) check_forks();
  std::puts("pool_test: passed");
}
