#include "engine/openmp.hpp"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>

namespace tidegate {
namespace {

// The entry of GCC's OpenMP regions, which LLVM's and Intel's runtimes have too.
using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);
using MaxThreads = int (*)();

std::atomic<Parallel> parallel{nullptr};
std::atomic<MaxThreads> max_threads{nullptr};

}  // namespace

bool share_openmp() noexcept {
  if (parallel.load() != nullptr) return true;
  const auto most = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
  const auto run = dlsym(RTLD_DEFAULT, "GOMP_parallel");
  if (most == nullptr || run == nullptr) return false;
  // No runtime has its threads after a fork, or knows that it has lost them.
  static const bool is_watched =
      pthread_atfork(nullptr, nullptr, [] { parallel.store(nullptr); }) == 0;
  if (!is_watched) return false;
  max_threads.store(reinterpret_cast<MaxThreads>(most));
  parallel.store(reinterpret_cast<Parallel>(run));
  return true;
}

bool run_on_openmp(unsigned num_threads, void (*body)(void*),
                   void* context) noexcept {
  const auto run = parallel.load(std::memory_order_acquire);
  if (run == nullptr) return false;
  const int most = max_threads.load(std::memory_order_relaxed)();
  if (most != static_cast<int>(num_threads)) return false;
  run(body, context, num_threads, 0);
  return true;
}

}  // namespace tidegate
