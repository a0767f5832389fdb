// exp, tanh and sigmoid. Bounds in units in the last place (ULP) of the exact
// value, over all arguments whose value is a normal number; below that the
// value may come out as 0.
//
//            float   double
//   exp        3        3
//   tanh       4        4
//   sigmoid    3        3
//
// NaN gives NaN, infinities the limits. Method: x = n ln 2 + r with |r| at most
// ln(2)/2, n by adding and taking away 1.5 * 2^23 (2^52), ln 2 in two parts
// (Cody and Waite 1980), then a polynomial for (e^r - 1 - r) / r^2: fitted
// (greatest error 5e-9 of e^r) for float, Taylor's to r^13 for double.
#pragma once

#include "kernels/simd.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R>
struct Exponential;

template <>
struct Exponential<float> {
  static constexpr float kRound = 12582912.0F;
  static constexpr float kLog2E = 1.44269504F;
  static constexpr float kLn2High = 0.693359375F;
  static constexpr float kLn2Low = -2.12194440e-4F;
  static constexpr int kMantissa = 23;
  static constexpr int kBias = 127;
  // Beyond these the scale 2^n is infinite, or 0.
  static constexpr float kLargest = 88.8F;
  static constexpr float kSmallest = -88.0F;
  static constexpr std::int32_t kSign = INT32_MIN;
  static constexpr float kTanhLimit = 9.1F;  // tanh rounds to 1 from 9.02 on
  static constexpr float kTerms[] = {1.381443348e-03F, 8.368796669e-03F,
                                     4.166839644e-02F, 1.666651964e-01F,
                                     4.999999404e-01F};
};

template <>
struct Exponential<double> {
  static constexpr double kRound = 6755399441055744.0;
  static constexpr double kLog2E = 1.4426950408889634;
  static constexpr double kLn2High = 6.93145751953125e-1;
  static constexpr double kLn2Low = 1.42860682030941723212e-6;
  static constexpr int kMantissa = 52;
  static constexpr int kBias = 1023;
  static constexpr double kLargest = 709.9;
  static constexpr double kSmallest = -709.0;
  static constexpr std::int64_t kSign = INT64_MIN;
  static constexpr double kTanhLimit = 19.1;
  static constexpr double kTerms[] = {
      1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
      1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
      1.0 / 120,        1.0 / 24,        1.0 / 6,        0.5};
};

/// e^x = scale * (1 + rest), scale a power of two: infinite at 2^128 (2^1024),
/// 0 at 2^-127 (2^-1023).
template <class R>
struct Split {
  Vec<R> scale;
  Vec<R> rest;
};

template <class R>
TIDEGATE_INLINE Split<R> split_exp(Vec<R> x) {
  using E = Exponential<R>;
  const Vec<R> shifted = fma(x, splat(E::kLog2E), splat(E::kRound));
  const Vec<R> n = shifted - splat(E::kRound);
  Vec<R> r = fma(n, splat(-E::kLn2High), x);
  r = fma(n, splat(-E::kLn2Low), r);
  Vec<R> p = splat(E::kTerms[0]);
#pragma GCC unroll 16
  for (std::size_t i = 1; i < sizeof E::kTerms / sizeof(R); ++i) {
    p = fma(p, r, splat(E::kTerms[i]));
  }
  Ints<R> bits;
  __builtin_memcpy(&bits, &shifted, sizeof bits);
  // The low bits of `shifted` are n; the shift drops what stands above them.
  bits = (bits + E::kBias) << E::kMantissa;
  Split<R> result;
  __builtin_memcpy(&result.scale, &bits, sizeof bits);
  result.rest = fma(r * r, p, r);
  return result;
}

template <class R>
TIDEGATE_INLINE Vec<R> limited(Vec<R> x, R lowest, R highest) {
  return at_most(at_least(x, splat(lowest)), splat(highest));
}

/// 1 / (1 + e^-x)
template <class R>
TIDEGATE_INLINE Vec<R> sigmoid(Vec<R> x) {
  using E = Exponential<R>;
  const Vec<R> one = splat(R(1));
  const Split<R> s = split_exp<R>(limited<R>(-x, E::kSmallest, E::kLargest));
  return one / fma(s.scale, s.rest + one, one);
}

/// (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x: the same bits for x and -x.
/// e^-2|x| - 1 is free of cancellation near 0.
template <class R>
TIDEGATE_INLINE Vec<R> tanh(Vec<R> x) {
  using E = Exponential<R>;
  Ints<R> bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const Ints<R> sign = bits & E::kSign;
  bits |= E::kSign;
  Vec<R> negative;
  __builtin_memcpy(&negative, &bits, sizeof bits);
  const Vec<R> limit = at_least(negative, splat(-E::kTanhLimit));
  const Split<R> s = split_exp<R>(limit + limit);
  const Vec<R> less_one = fma(s.scale, s.rest, s.scale - splat(R(1)));
  const Vec<R> value = less_one / (less_one + splat(R(2)));
  // value is negative or -0: its own sign goes.
  __builtin_memcpy(&bits, &value, sizeof bits);
  bits = (bits & ~E::kSign) | sign;
  Vec<R> result;
  __builtin_memcpy(&result, &bits, sizeof bits);
  return result;
}

/// The square of e^(x / 2), whose scale is always a normal number. The gates
/// use the forms above.
template <class R>
TIDEGATE_INLINE Vec<R> exp(Vec<R> x) {
  using E = Exponential<R>;
  const R limit = 2 * (E::kLargest - 1);
  const Split<R> s = split_exp<R>(limited<R>(x, -limit, limit) * splat(R(0.5)));
  const Vec<R> root = fma(s.scale, s.rest, s.scale);
  return root * root;
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
