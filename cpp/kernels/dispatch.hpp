// What the engine and the kernels of one instruction set say to each other.
// Plain data: nothing here makes code of its own in a kernel's object.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/adam.hpp"
#include "engine/cell_sizes.hpp"
#include "engine/layer.hpp"
#include "engine/masks.hpp"
#include "engine/pooling.hpp"

namespace tidegate {

/// What the engine works out about a batch before kernels run.
///
/// Rows are ranked by falling length (rows of one length by their number), so
/// that at any step the rows still running are the first ranks. Where rows
/// begin alike (engine/shared_prefix.hpp) all are of one length, and they are
/// ranked by rising start: those running are the first ranks again. Positions
/// that rows make themselves are numbered by group, then step, then place in
/// the group: base[g * (num_steps + 1) + step] + place.
struct BatchPlan {
  Shape shape;
  Positions positions;
  Tokens tokens;
  bool has_state = false;  ///< whether rows begin in states of their own
  bool reverse = false;    ///< whether rows are read from their own end
  std::int64_t num_rows = 0;             ///< N
  std::int64_t num_steps = 0;            ///< the greatest length
  const std::int64_t* row = nullptr;     ///< (N,): the row of each rank
  const std::int64_t* length = nullptr;  ///< (N,): by rank, falling
  const std::int64_t* start = nullptr;   ///< (N,): by rank, its first own step
  std::int64_t num_positions = 0;
  const std::int64_t* base = nullptr;  ///< (num_groups, num_steps + 1)
  bool joins = false;                  ///< whether any start is beyond 0
  std::int64_t num_threads = 1;        ///< to count on; no result depends on it
  /// Groups: ranks whose sums over positions are made apart and added up at the
  /// end. They depend on the batch alone, so sums do not on threads. Group g
  /// has ranks group_member[group_begin[g]] to group_begin[g + 1], rising.
  std::int64_t num_groups = 1;
  const std::int64_t* group_begin = nullptr;   ///< (num_groups + 1,)
  const std::int64_t* group_member = nullptr;  ///< (N,)
  /// Shares: the ranks that one thread carries through all steps, rising; each
  /// group's are as many as another's, and follow each other. Share s has ranks
  /// member[share_begin[s]] to share_begin[s + 1], and place says which of its
  /// group each is. A batch of one step has one share.
  std::int64_t num_shares = 0;
  const std::int64_t* share_begin = nullptr;  ///< (num_shares + 1,)
  const std::int64_t* member = nullptr;       ///< (N,)
  const std::int64_t* place = nullptr;        ///< (N,)
  /// Which of `member` made the steps before its start, itself where there are
  /// none. It is before it in the same share.
  const std::int64_t* leader = nullptr;  ///< (N,): by member
  /// With ids: the tokens that occur, ascending, and each position's number
  /// among them.
  std::int64_t num_distinct = 0;
  const std::int64_t* distinct = nullptr;  ///< (num_distinct,)
  const std::int32_t* slot = nullptr;      ///< (num_positions,)
};

/// Steps of Adam that are judged together when a row makes up for them.
inline constexpr std::int64_t kAdamWindow = 32;

/// Bounds over the steps of one window.
template <class R>
struct AdamWindow {
  R greatest_rate;
  R least_scale;
  R least_eps;
  R shrink;  ///< of sqrt(v) from the window's begin to its end
  R decay;   ///< of p, likewise; 0 or less settles nothing
};

using ParallelFor = void (*)(std::size_t count,
                             void (*task)(void* context,
                                          std::size_t index) noexcept,
                             void* context) noexcept;

/// Kernels of one instruction set. Scratch is aligned to 64 bytes and as large
/// as the query of the same arguments says.
struct Kernels {
  std::size_t (*forward_bytes)(const ForwardCall&, const BatchPlan&);
  void (*forward)(const ForwardCall&, const BatchPlan&, void* scratch, ParallelFor);
  std::size_t (*backward_bytes)(const BackwardCall&, const BatchPlan&);
  void (*backward)(const BackwardCall&, const BatchPlan&, void* scratch,
                   ParallelFor);
  std::size_t (*stepper_bytes)(const Shape&, std::int64_t num_rows);
  void (*stepper_pack)(const Shape&, std::int64_t num_rows, const Weights&,
                       void* memory);
  void (*stepper_step)(const Shape&, std::int64_t num_rows, void* memory,
                       const void* input, void* h, void* c);
#ifdef TIDEGATE_TEST_KERNELS
  /// function: 0 exp, 1 tanh, 2 sigmoid.
  void (*apply)(int function, Dtype, const void* input, void* output,
                std::int64_t count);
#endif
  /// Rounds of independent multiply-adds; returns how many a round has.
  std::int64_t (*fma_round)(Dtype, std::int64_t rounds, void* sink);
  /// One step of Adam on `count` elements; numbers as the dtype has them.
  void (*adam_step)(Dtype, void* param, const void* grad, void* m, void* v,
                    std::int64_t count, const void* numbers);
  /// One step of a row of `count` elements, whose gradients are rows `places`
  /// of grad (.., count): m follows their sum, v the sum of their squares.
  void (*adam_places)(Dtype, void* param, const void* grad, void* m, void* v,
                      std::int64_t count, const std::int64_t* places,
                      std::int64_t num_places, const void* numbers);
  /// Steps begin .. end - 1 without a gradient. numbers[] and windows[] are of
  /// the dtype, the latter over numbers[i * kAdamWindow] and those after it.
  void (*adam_replay)(Dtype, void* param, void* m, void* v, std::int64_t count,
                      const void* numbers, const void* windows,
                      std::int64_t begin, std::int64_t end);
  double (*squares)(Dtype, const void* x, std::int64_t count);
  void (*multiply)(Dtype, void* x, std::int64_t count, double factor);
  /// The features begin .. end - 1 of one row.
  void (*pool_row)(const PoolCall&, std::int64_t row, std::int64_t begin,
                   std::int64_t end);
  /// The positions begin .. end - 1, all of one row.
  void (*unpool_steps)(const UnpoolCall&, std::int64_t row, std::int64_t begin,
                       std::int64_t end);
  /// The elements begin .. end - 1, of which begin is a multiple of kMaskBlock.
  void (*keep_mask)(const MaskCall&, std::int64_t begin, std::int64_t end);
};

namespace generic {
const Kernels& kernels() noexcept;
}
namespace avx2 {
const Kernels& kernels() noexcept;
}
namespace avx512 {
const Kernels& kernels() noexcept;
}
#ifdef TIDEGATE_TEST_KERNELS
namespace lowered {
const Kernels& kernels() noexcept;
}
#endif

}  // namespace tidegate
