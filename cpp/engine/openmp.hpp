// The OpenMP threads that a process has already, as PyTorch brings them.
#pragma once

namespace tidegate {

/// Looks for an OpenMP runtime among what the process has loaded for all to
/// see, for run_on_openmp to use from now on. Returns whether there is one.
bool share_openmp() noexcept;

/// Runs body(context) on `num_threads` OpenMP threads, the caller among them,
/// and returns true when all are done. A runtime may provide fewer, so the
/// bodies must divide the work among themselves.
///
/// Returns false, and nothing has run, where no runtime is shared, in the child
/// of a fork, and where `num_threads` is not as many as the program's other
/// OpenMP work takes: a runtime starts and ends threads whenever the number
/// changes.
bool run_on_openmp(unsigned num_threads, void (*body)(void* context),
                   void* context) noexcept;

}  // namespace tidegate
