// Adam on elements: a step with gradients, a step of a row that has several,
// and the steps that a row missed, whose gradients are 0.
//
// All are of the same three formulas, so that they agree to the bit. A replay
// leaves out only what cannot change a bit. With a gradient of 0, |m| never
// grows and v shrinks by beta2 a step; so over a window of steps
//   |change of p| <= (greatest rate) |m| / (least sqrt(v) scale + least eps),
// and where that is below 2^-26 |p| (2^-55 for double; 2^-25 and 2^-54 would
// do, the factor of 2 is there for the bound's own roundings), p minus it
// rounds to p. Then only the decays of m, v and p remain. The bound counts
// with p's decay, and with v being flushed to 0.
#pragma once

#include "engine/adam.hpp"
#include "kernels/simd.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// An AdamNumbers in vectors.
template <class R>
struct AdamVectors {
  TIDEGATE_INLINE explicit AdamVectors(const AdamNumbers<R>& n)
      : decay(splat(n.decay)),
        minus_rate(splat(-n.rate)),
        scale(splat(n.scale)),
        rest1(splat(n.rest1)),
        beta2(splat(n.beta2)),
        rest2(splat(n.rest2)),
        eps(splat(n.eps)) {}
  Vec<R> decay, minus_rate, scale, rest1, beta2, rest2, eps;
};

template <class R>
TIDEGATE_INLINE Vec<R> first_moment(Vec<R> m, Vec<R> g,
                                    const AdamVectors<R>& n) {
  return fma(n.rest1, g - m, m);
}

/// What v fades to in a step, and that with the square of one gradient.
template <class R>
TIDEGATE_INLINE Vec<R> faded(Vec<R> v, const AdamVectors<R>& n) {
  return n.beta2 * v;
}
template <class R>
TIDEGATE_INLINE Vec<R> with_square(Vec<R> v, Vec<R> g,
                                   const AdamVectors<R>& n) {
  return fma(n.rest2 * g, g, v);
}

/// The parameter after a step whose moments are made.
template <class R>
TIDEGATE_INLINE Vec<R> moved(Vec<R> p, Vec<R> m, Vec<R> v,
                             const AdamVectors<R>& n) {
  return fma(n.minus_rate, m / fma(square_root<R>(v), n.scale, n.eps),
             n.decay * p);
}

template <class R>
TIDEGATE_INLINE void advance(Vec<R>& p, Vec<R>& m, Vec<R>& v, Vec<R> g,
                             const AdamVectors<R>& n) {
  m = first_moment<R>(m, g, n);
  v = with_square<R>(faded<R>(v, n), g, n);
  p = moved<R>(p, m, v, n);
}

template <class R>
void adam_step(R* p, const R* g, R* m, R* v, Index count,
               const AdamNumbers<R>& numbers) {
  const FlushDenormals flush;
  const AdamVectors<R> n(numbers);
  for (Index i = 0; i < count; i += kWidth<R>) {
    const Index left = count - i;
    Vec<R> p_ = load(p + i, left);
    Vec<R> m_ = load(m + i, left);
    Vec<R> v_ = load(v + i, left);
    advance<R>(p_, m_, v_, load(g + i, left), n);
    store(p + i, p_, left);
    store(m + i, m_, left);
    store(v + i, v_, left);
  }
}

/// A step of one row, whose gradients stand at some places of grad (.., count).
/// With a single place it has the bits of adam_step.
template <class R>
void adam_places(R* p, const R* grad, R* m, R* v, Index count,
                 const std::int64_t* places, Index num_places,
                 const AdamNumbers<R>& numbers) {
  const FlushDenormals flush;
  const AdamVectors<R> n(numbers);
  for (Index i = 0; i < count; i += kWidth<R>) {
    const Index left = count - i;
    Vec<R> sum = load(grad + places[0] * count + i, left);
    Vec<R> v_ = with_square<R>(faded<R>(load(v + i, left), n), sum, n);
    for (Index k = 1; k < num_places; ++k) {
      const Vec<R> g = load(grad + places[k] * count + i, left);
      sum += g;
      v_ = with_square<R>(v_, g, n);
    }
    const Vec<R> m_ = first_moment<R>(load(m + i, left), sum, n);
    store(p + i, moved<R>(load(p + i, left), m_, v_, n), left);
    store(m + i, m_, left);
    store(v + i, v_, left);
  }
}

template <class R>
struct AdamLimits;
template <>
struct AdamLimits<float> {
  static constexpr float kHalfUlp = 0x1p-26F;
  static constexpr float kRootOfSmallest = 0x1p-63F;
};
template <>
struct AdamLimits<double> {
  static constexpr double kHalfUlp = 0x1p-55;
  static constexpr double kRootOfSmallest = 0x1p-511;
};

template <class R>
TIDEGATE_INLINE Vec<R> magnitude(Vec<R> x) {
  return at_least(x, -x);
}

template <class V>
TIDEGATE_INLINE bool all_set(V mask) {
  std::int64_t parts[sizeof(V) / sizeof(std::int64_t)];
  __builtin_memcpy(parts, &mask, sizeof mask);
  std::int64_t all = -1;
  for (const std::int64_t part : parts) all &= part;
  return all == -1;
}

/// The lanes whose p is settled for a whole window: where m is 0 the change is
/// 0, elsewhere it is bounded.
template <class R>
TIDEGATE_INLINE Ints<R> settled(Vec<R> p, Vec<R> m, Vec<R> v,
                                const AdamWindow<R>& w) {
  using Limits = AdamLimits<R>;
  const Vec<R> zero{};
  const Vec<R> root =
      at_least(fma(square_root<R>(v), splat(w.shrink),
                   splat(-Limits::kRootOfSmallest)),
               zero);
  const Vec<R> least = fma(root, splat(w.least_scale), splat(w.least_eps));
  const Vec<R> change = splat(w.greatest_rate) * magnitude<R>(m);
  const Vec<R> room =
      splat(w.decay * Limits::kHalfUlp) * magnitude<R>(p) * least;
  return (change < room) | (m == zero);
}

// Enough to hide the latency of a step's few operations.
inline constexpr Index kVectorsAtOnce = 4;

/// Steps from `begin` to `end` - 1 of some vectors of one row, counted as
/// numbers[] is.
template <class R>
struct Replay {
  Vec<R> p[kVectorsAtOnce];
  Vec<R> m[kVectorsAtOnce];
  Vec<R> v[kVectorsAtOnce];

  void run(const AdamNumbers<R>* numbers, const AdamWindow<R>* windows,
           Index begin, Index end) {
    while (begin < end) {
      const Index window = begin / kAdamWindow;
      const Index next = (window + 1) * kAdamWindow;
      const Index stop = next < end ? next : end;
      if (all_settled(windows[window])) {
        for (; begin < stop; ++begin) fade(numbers[begin]);
      } else {
        for (; begin < stop; ++begin) step(numbers[begin]);
      }
    }
  }

  bool all_settled(const AdamWindow<R>& window) const {
    Ints<R> all = settled<R>(p[0], m[0], v[0], window);
    for (Index i = 1; i < kVectorsAtOnce; ++i) {
      all &= settled<R>(p[i], m[i], v[i], window);
    }
    return all_set(all);
  }

  TIDEGATE_INLINE void step(const AdamNumbers<R>& numbers) {
    const AdamVectors<R> n(numbers);
#pragma GCC unroll 4
    for (Index i = 0; i < kVectorsAtOnce; ++i) {
      advance<R>(p[i], m[i], v[i], Vec<R>{}, n);
    }
  }

  /// step() without the change of p, which has no effect.
  TIDEGATE_INLINE void fade(const AdamNumbers<R>& numbers) {
    const Vec<R> decay = splat(numbers.decay);
    const Vec<R> rest1 = splat(numbers.rest1);
    const Vec<R> beta2 = splat(numbers.beta2);
    const Vec<R> zero{};
#pragma GCC unroll 4
    for (Index i = 0; i < kVectorsAtOnce; ++i) {
      m[i] = fma(rest1, zero - m[i], m[i]);
      v[i] = beta2 * v[i];
      p[i] = decay * p[i];
    }
  }
};

template <class R>
void adam_replay(R* p, R* m, R* v, Index count, const AdamNumbers<R>* numbers,
                 const AdamWindow<R>* windows, Index begin, Index end) {
  const FlushDenormals flush;
  for (Index i = 0; i < count; i += kVectorsAtOnce * kWidth<R>) {
    Replay<R> replay;
    for (Index k = 0; k < kVectorsAtOnce; ++k) {
      const Index at = i + k * kWidth<R>;
      const Index left = count - at;
      replay.p[k] = left > 0 ? load(p + at, left) : Vec<R>{};
      replay.m[k] = left > 0 ? load(m + at, left) : Vec<R>{};
      replay.v[k] = left > 0 ? load(v + at, left) : Vec<R>{};
    }
    replay.run(numbers, windows, begin, end);
    for (Index k = 0; k < kVectorsAtOnce; ++k) {
      const Index at = i + k * kWidth<R>;
      const Index left = count - at;
      if (left <= 0) break;
      store(p + at, replay.p[k], left);
      store(m + at, replay.m[k], left);
      store(v + at, replay.v[k], left);
    }
  }
}

/// The squares of up to some thousand elements, lane by lane in double.
template <class R>
double squares(const R* x, Index count) {
  constexpr Index kLanes = kWidth<double>;
  double sums[4 * kLanes] = {};
  Index i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (Index k = 0; k < 4 * kLanes; ++k) {
      const double value = x[i + k];
      sums[k] += value * value;
    }
  }
  for (Index k = 0; i < count; ++i, ++k) {
    const double value = x[i];
    sums[k] += value * value;
  }
  double all = 0;
  for (const double sum : sums) all += sum;
  return all;
}

template <class R>
void multiplied(R* x, Index count, R factor) {
  for (Index i = 0; i < count; ++i) x[i] *= factor;
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
