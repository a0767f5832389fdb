// The engine's threads: one small pool for the whole process, or the OpenMP
// threads that it has already.
#pragma once

#include <cstddef>

namespace tidegate {

/// Upper bound on the threads that one call of parallel_for works on, its
/// caller among them. At first as many as available_cores() says.
int num_threads() noexcept;

/// Sets that bound, at any time and from any thread; a call under way keeps
/// what it began with. Throws std::invalid_argument unless 1 <= num <=
/// kMaxThreads.
void set_num_threads(int num);

inline constexpr int kMaxThreads = 1024;

/// Runs task(context, index) once for every index in 0 .. count-1, in no fixed
/// order, and returns when all have run. The caller works too.
///
/// Runs in the caller alone when count is 1 (so little work is passed as one
/// task), when one thread is set, when called from within a task, and while
/// another thread's call has the pool: callers never wait for each other.
/// Whatever a task computes must therefore depend on its index only.
///
/// Safe after fork: the child starts threads of its own at its first call.
void parallel_for(std::size_t count,
                  void (*task)(void* context, std::size_t index) noexcept,
                  void* context) noexcept;

}  // namespace tidegate
