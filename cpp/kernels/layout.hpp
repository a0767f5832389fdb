// Where things stand: vectors of sequence tensors, and scratch.
#pragma once

#include "kernels/dispatch.hpp"
#include "kernels/simd.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

TIDEGATE_INLINE Index round_up(Index n, Index multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

TIDEGATE_INLINE Index least(Index a, Index b) { return a < b ? a : b; }
TIDEGATE_INLINE Index greatest(Index a, Index b) { return a > b ? a : b; }

/// Pieces of a size that cover so many.
TIDEGATE_INLINE Index pieces(Index count, Index size) {
  return (count + size - 1) / size;
}

/// A row, and zeros after it.
template <class R>
void copy_padded(R* to, const R* from, Index count, Index padded) {
  __builtin_memcpy(to, from, static_cast<std::size_t>(count) * sizeof(R));
  for (Index i = count; i < padded; ++i) to[i] = R(0);
}

/// Zeros, where something is wanted at all.
template <class R>
void zero(void* to, Index count) {
  if (to == nullptr) return;
  __builtin_memset(to, 0, static_cast<std::size_t>(count) * sizeof(R));
}

/// The position rule, for a rank and the number of steps it has made: in
/// reverse the first step is at the row's own end.
TIDEGATE_INLINE Index position(const BatchPlan& plan, Index rank, Index step) {
  const Positions& p = plan.positions;
  const Index t = plan.reverse ? plan.length[rank] - 1 - step : step;
  return p.row_offset[plan.row[rank]] + p.step_offset[t];
}

/// Where a group's positions begin, by step.
TIDEGATE_INLINE const std::int64_t* group_base(const BatchPlan& plan, Index group) {
  return plan.base + group * (plan.num_steps + 1);
}

/// How many of `ranks` make a step themselves, of which `active` made the one
/// before or after it.
TIDEGATE_INLINE Index count_active(const BatchPlan& plan, const std::int64_t* ranks,
                                   Index count, Index active, Index step) {
  const auto makes = [&](Index i) {
    return plan.start[ranks[i]] <= step && step < plan.length[ranks[i]];
  };
  while (active > 0 && !makes(active - 1)) --active;
  while (active < count && makes(active)) ++active;
  return active;
}

/// Cuts scratch into parts; begun at null it measures.
class Carver {
 public:
  explicit Carver(void* begin) : at_(reinterpret_cast<std::uintptr_t>(begin)) {}

  template <class T>
  T* take(Index count) {
    const std::uintptr_t here = at_;
    // A line more: equal parts would fight for the same sets of the cache.
    at_ += static_cast<std::uintptr_t>(
        round_up(count * static_cast<Index>(sizeof(T)), 64) + 64);
    return reinterpret_cast<T*>(here);
  }

  std::size_t total(void* begin) const {
    return static_cast<std::size_t>(at_ -
                                    reinterpret_cast<std::uintptr_t>(begin));
  }

 private:
  std::uintptr_t at_;
};

/// Multiply-adds that are worth a second thread: some microseconds of work,
/// against one or two to wake it.
inline constexpr Index kWorthThreads = 200000;
/// How many of them take the time of moving an element of a large matrix.
inline constexpr Index kMove = 16;

/// Runs body(index) for every index below count, over the engine's threads
/// where `work` is worth it. Which thread runs what changes no result.
template <class Body>
void parallel(ParallelFor parallel_for, Index count, Index work, Body& body) {
  const auto task = [](void* context, std::size_t index) noexcept {
    const FlushDenormals flush;
    (*static_cast<Body*>(context))(static_cast<Index>(index));
  };
  if (count > 1 && work >= kWorthThreads) {
    return parallel_for(static_cast<std::size_t>(count), task, &body);
  }
  const FlushDenormals flush;
  for (Index index = 0; index < count; ++index) body(index);
}

/// Panels [begin, end) of weights, upwards or down. Steps take turns: of
/// weights that are larger than a cache, it still has what the step before read
/// last.
struct PanelRange {
  Index begin;
  Index end;
  bool is_down = false;

  template <class Body>
  TIDEGATE_INLINE void each(const Body& body) const {
    for (Index i = 0; i < end - begin; ++i) {
      body(is_down ? end - 1 - i : begin + i);
    }
  }
};

/// Runs body(begin, end) over ranges that make up [0, count), one a thread.
template <class Body>
void parallel_ranges(ParallelFor parallel_for, Index num_threads, Index count,
                     Index work, const Body& body) {
  const Index parts = work >= kWorthThreads ? least(num_threads, count) : 1;
  if (parts <= 1) return body(Index(0), count);
  auto task = [&](Index part) {
    body(part * count / parts, (part + 1) * count / parts);
  };
  parallel(parallel_for, parts, work, task);
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
