// Mean and maximum of a row's steps, some features at once in registers.
#pragma once

#include "engine/pooling.hpp"
#include "kernels/simd.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// kVectors vectors of features of one row, of which `left` are wanted.
template <class R, Index kVectors, bool kMean, bool kMaxima>
TIDEGATE_INLINE void pool_vectors(const PoolCall& call, Index row,
                                  Index feature, Index left) {
  const Index num_features = call.rows.num_features;
  const Index begin = call.rows.offsets[row];
  const Index length = call.rows.offsets[row + 1] - begin;
  const R* x = static_cast<const R*>(call.values) + begin * num_features +
               feature;
  Vec<R> sum[kVectors] = {};
  Vec<R> top[kVectors] = {};
  Ints<R> first[kVectors] = {};
  Ints<R> now{};
  for (Index v = 0; kMaxima && length > 0 && v < kVectors; ++v) {
    top[v] = load(x + v * kWidth<R>, left - v * kWidth<R>);
  }
  for (Index step = 0; step < length; ++step) {
#pragma GCC unroll 4
    for (Index v = 0; v < kVectors; ++v) {
      const Vec<R> value = load(x + v * kWidth<R>, left - v * kWidth<R>);
      if constexpr (kMean) sum[v] += value;
      if constexpr (kMaxima) {
        // Above it, or the first NaN.
        const Ints<R> is_above = ~(value <= top[v]) & (top[v] == top[v]);
        top[v] = is_above ? value : top[v];
        first[v] = is_above ? now : first[v];
      }
    }
    now += 1;
    x += num_features;
  }
  for (Index v = 0; v < kVectors; ++v) {
    const Index at = feature + v * kWidth<R>;
    const Index count = left - v * kWidth<R>;
    if constexpr (kMean) {
      store(static_cast<R*>(call.mean) + row * call.stride + at,
            sum[v] / splat(static_cast<R>(length > 0 ? length : 1)), count);
    }
    if constexpr (kMaxima) {
      store(static_cast<R*>(call.maxima) + row * call.stride + at, top[v],
            count);
      for (Index i = 0; call.first && i < kWidth<R> && i < count; ++i) {
        call.first[row * num_features + at + i] =
            length > 0 ? begin + first[v][i] : 0;
      }
    }
  }
}

template <class R, bool kMean, bool kMaxima>
void pool_features(const PoolCall& call, Index row, Index begin, Index end) {
  constexpr Index kVectors = 4;
  constexpr Index kWhole = kVectors * kWidth<R>;
  for (; begin + kWhole <= end; begin += kWhole) {
    pool_vectors<R, kVectors, kMean, kMaxima>(call, row, begin, kWhole);
  }
  for (; begin + kWidth<R> <= end; begin += kWidth<R>) {
    pool_vectors<R, 1, kMean, kMaxima>(call, row, begin, kWidth<R>);
  }
  if (begin < end) {
    pool_vectors<R, 1, kMean, kMaxima>(call, row, begin, end - begin);
  }
}

/// The features begin .. end - 1 of one row.
template <class R>
void pool_row(const PoolCall& call, Index row, Index begin, Index end) {
  if (call.mean && call.maxima) {
    pool_features<R, true, true>(call, row, begin, end);
  } else if (call.mean) {
    pool_features<R, true, false>(call, row, begin, end);
  } else if (call.maxima) {
    pool_features<R, false, true>(call, row, begin, end);
  }
}

/// The gradient of the positions begin .. end - 1, all of one row.
template <class R>
void unpool_steps(const UnpoolCall& call, Index row, Index begin, Index end) {
  const Index num_features = call.rows.num_features;
  const auto length = static_cast<R>(call.rows.offsets[row + 1] -
                                     call.rows.offsets[row]);
  const R* mean = static_cast<const R*>(call.grad_mean);
  R* grad = static_cast<R*>(call.grad_values);
  R* share = grad + begin * num_features;
  for (Index i = 0; i < num_features; ++i) {
    share[i] = mean ? mean[row * call.stride + i] / length : R(0);
  }
  for (Index step = begin + 1; step < end; ++step) {
    __builtin_memcpy(grad + step * num_features, share,
                     static_cast<std::size_t>(num_features) * sizeof(R));
  }
  if (!call.grad_maxima) return;
  const R* maxima =
      static_cast<const R*>(call.grad_maxima) + row * call.stride;
  const std::int64_t* first = call.first + row * num_features;
  for (Index i = 0; i < num_features; ++i) {
    if (first[i] >= begin && first[i] < end) {
      grad[first[i] * num_features + i] += maxima[i];
    }
  }
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
