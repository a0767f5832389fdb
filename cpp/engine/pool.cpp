#include "engine/pool.hpp"

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "engine/cpu.hpp"
#include "engine/openmp.hpp"

namespace tidegate {
namespace {

using Task = void (*)(void*, std::size_t) noexcept;

// A layer makes several calls in a row; a worker that sleeps in between costs
// each of them a wake-up of 5 to 50 us. Longer spinning would take the
// processor from torch's own threads.
constexpr std::chrono::microseconds kSpin{30};

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

// Whether `done` came true within kSpin.
template <class Condition>
bool spin_until(Condition done) noexcept {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

thread_local bool inside_task = false;

class Pool {
 public:
  // False when another thread has the pool: nothing has run then.
  bool try_run(std::size_t count, Task task, void* context,
               std::size_t num_workers) noexcept {
    const std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
    if (!owner) return false;
    if (run_elsewhere(count, task, context, num_workers + 1)) return true;
    resize(num_workers);
    {
      const std::lock_guard lock(mutex_);
      task_ = task;
      context_ = context;
      count_ = count;
      next_.store(0, std::memory_order_relaxed);
      is_open_ = true;
      round_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    work(next_, count, task, context);
    {
      // Workers that have not come by now are not waited for.
      const std::lock_guard lock(mutex_);
      is_open_ = false;
    }
    const auto idle = [this] {
      return num_active_.load(std::memory_order_acquire) == 0;
    };
    if (!spins_ || !spin_until(idle)) {
      std::unique_lock lock(mutex_);
      idle_.wait(lock, idle);
    }
    return true;
  }

 private:
  // On the threads that the process has already. Threads of the pool's own
  // would compete with them: a runtime lets its threads spin for milliseconds
  // after each piece of work.
  bool run_elsewhere(std::size_t count, Task task, void* context,
                     std::size_t num_threads) noexcept {
    struct Call {
      Task task;
      void* context;
      std::size_t count;
      std::atomic<std::size_t> next{0};
    } call{task, context, count};
    return run_on_openmp(
        static_cast<unsigned>(num_threads),
        [](void* shared) {
          auto& [task, context, count, next] = *static_cast<Call*>(shared);
          inside_task = true;
          work(next, count, task, context);
          inside_task = false;
        },
        &call);
  }

  // Only the owner calls it, so no task is running.
  void resize(std::size_t num_workers) noexcept {
    if (num_workers == workers_.size()) return;
    {
      const std::lock_guard lock(mutex_);
      limit_ = num_workers;
      // With more threads than processors, whoever spins keeps another from
      // working.
      spins_ = num_workers < static_cast<std::size_t>(available_cores());
      if (num_workers < workers_.size()) round_.fetch_add(1);
    }
    wake_.notify_all();
    while (workers_.size() > num_workers) {
      workers_.back().join();
      workers_.pop_back();
    }
    // Signals are for the program's own threads.
    sigset_t all;
    sigset_t kept;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &kept);
    try {
      while (workers_.size() < num_workers) {
        workers_.emplace_back(&Pool::serve, this, workers_.size(),
                              round_.load());
      }
    } catch (...) {
      // No thread or memory to be had: those there are do the work.
    }
    pthread_sigmask(SIG_SETMASK, &kept, nullptr);
  }

  void serve(std::size_t worker, std::uint64_t seen) noexcept {
    inside_task = true;
    const auto is_new = [this, &seen] {
      return round_.load(std::memory_order_acquire) != seen;
    };
    for (;;) {
      if (spins_) spin_until(is_new);
      std::unique_lock lock(mutex_);
      wake_.wait(lock, is_new);
      seen = round_.load(std::memory_order_relaxed);
      if (worker >= limit_) return;
      if (!is_open_) continue;
      const auto count = count_;
      const auto task = task_;
      const auto context = context_;
      num_active_.fetch_add(1, std::memory_order_relaxed);
      lock.unlock();
      work(next_, count, task, context);
      lock.lock();
      if (num_active_.fetch_sub(1, std::memory_order_release) == 1) {
        idle_.notify_one();
      }
    }
  }

  static void work(std::atomic<std::size_t>& next, std::size_t count, Task task,
                   void* context) noexcept {
    for (;;) {
      const auto index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) return;
      task(context, index);
    }
  }

  std::mutex owner_;  // held by the one caller whose tasks the workers run
  std::vector<std::thread> workers_;  // the owner's

  std::mutex mutex_;  // guards what follows, except the atomics' reading
  std::condition_variable wake_;
  std::condition_variable idle_;
  Task task_ = nullptr;
  void* context_ = nullptr;
  std::size_t count_ = 0;
  std::size_t limit_ = 0;
  bool is_open_ = false;
  std::atomic<bool> spins_{false};
  alignas(64) std::atomic<std::uint64_t> round_{0};
  std::atomic<std::size_t> num_active_{0};
  alignas(64) std::atomic<std::size_t> next_{0};
};

// Never destroyed: at exit the workers sleep on it while the process ends, and
// a thread that still computes then finds it whole.
alignas(Pool) std::byte storage[sizeof(Pool)];

// Made when the engine is loaded, not at the first call: nothing that a fork
// could find half done.
Pool* pool = [] {
  // The child of a fork has none of the workers and may have inherited locked
  // mutexes, so it begins with a new pool in the old one's place.
  pthread_atfork(nullptr, nullptr, [] { pool = new (storage) Pool; });
  return new (storage) Pool;
}();

std::atomic<int> wanted{available_cores()};

}  // namespace

int num_threads() noexcept { return wanted.load(std::memory_order_relaxed); }

void set_num_threads(int num) {
  if (num < 1 || num > kMaxThreads) {
    throw std::invalid_argument(
        "set_num_threads: expected a number of threads from 1 to " +
        std::to_string(kMaxThreads) + ", got " + std::to_string(num));
  }
  wanted.store(num, std::memory_order_relaxed);
}

void parallel_for(std::size_t count, Task task, void* context) noexcept {
  const auto threads = static_cast<std::size_t>(num_threads());
  if (count > 1 && threads > 1 && !inside_task) {
    inside_task = true;
    const bool ran = pool->try_run(count, task, context, threads - 1);
    inside_task = false;
    if (ran) return;
  }
  for (std::size_t index = 0; index < count; ++index) task(context, index);
}

}  // namespace tidegate
