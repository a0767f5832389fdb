// Adam with decoupled weight decay (Kingma and Ba 2015, Loshchilov and Hutter
// 2019) on whole arrays and on rows of tables, and what clipping a gradient's
// norm needs. All of it is elementwise, or summed in an order fixed by
// position: no result depends on the number of threads.
//
// One step, for each element:
//   m = m + (1 - beta1) (g - m)
//   v = beta2 v + (1 - beta2) g g
//   p = decay p - rate m / (sqrt(v) scale + eps)
// Numbers below the smallest normal one count as 0, here and in what comes out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/layer.hpp"

namespace tidegate {

/// What one step is told, as R. The double form is what the callers pass.
template <class R>
struct AdamNumbers {
  R decay;   ///< 1 - lr * weight_decay
  R rate;    ///< lr / (1 - beta1^t)
  R scale;   ///< 1 / sqrt(1 - beta2^t)
  R rest1;   ///< 1 - beta1
  R beta2;
  R rest2;   ///< 1 - beta2
  R eps;
};

/// An array and its moments; no two of them overlap.
struct AdamPart {
  void* param = nullptr;
  const void* grad = nullptr;
  void* m = nullptr;
  void* v = nullptr;
  std::int64_t count = 0;  ///< elements of each
  AdamNumbers<double> numbers;
};

/// A table whose rows may have fallen behind.
struct AdamTable {
  Dtype dtype = Dtype::float32;
  std::int64_t num_rows = 0;  ///< V
  std::int64_t width = 0;     ///< elements of a row
  void* param = nullptr;      ///< (V, width)
  void* m = nullptr;          ///< (V, width)
  void* v = nullptr;          ///< (V, width)
  /// (V,): the step that each row has made last.
  std::int64_t* row_step = nullptr;
};

/// One step of every part.
void adam_dense(Dtype dtype, const AdamPart* parts, std::size_t num_parts);

/// Refuses rows that a step may not be made of: throws std::out_of_range for an
/// id outside the table, std::invalid_argument for a row that has not made
/// `step` and, unless ids may repeat, for one that stands twice. Nothing is
/// changed.
void adam_check_rows(const AdamTable& table, const std::int64_t* ids,
                     std::int64_t num_ids, std::int64_t step, bool may_repeat);

/// Step `step` of the rows that adam_check_rows passed for the step before it.
/// grad: (num_ids, width).
void adam_rows(const AdamTable& table, const std::int64_t* ids,
               std::int64_t num_ids, const void* grad,
               const AdamNumbers<double>& numbers, std::int64_t step);

/// The same where ids may repeat: m follows the sum of a row's gradients, v the
/// sum of their squares.
void adam_places(const AdamTable& table, const std::int64_t* ids,
                 std::int64_t num_ids, const void* grad,
                 const AdamNumbers<double>& numbers, std::int64_t step);

/// Makes the steps that rows missed, all with a gradient of 0: the same bits as
/// adam_dense would have given. numbers[0] is of step `first`, the last one of
/// step `now`; no row is behind by more than that. ids may repeat; null for all
/// rows. Throws std::out_of_range, before anything is changed.
void adam_catch_up(const AdamTable& table, const std::int64_t* ids,
                   std::int64_t num_ids, const AdamNumbers<double>* numbers,
                   std::int64_t first, std::int64_t now);

/// Elements in memory, one after the other.
struct Span {
  void* data = nullptr;
  std::int64_t count = 0;
};

/// The sum of all elements' squares, in double.
double sum_of_squares(Dtype dtype, const Span* spans, std::size_t num_spans);

/// Multiplies every element.
void multiply(Dtype dtype, const Span* spans, std::size_t num_spans,
              double factor);

}  // namespace tidegate
