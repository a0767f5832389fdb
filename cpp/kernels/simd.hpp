// A vector of fixed width over the compiler's vector extensions.
//
// Compiled once per instruction set: TIDEGATE_ISA names the namespace and
// TIDEGATE_BYTES is the width. Everything is in an anonymous namespace, so
// that no linker can take one instruction set's code for another's. Only what
// the extensions cannot say is an intrinsic: the fused multiply-add (a
// contraction left to the compiler might differ from one tile to the next,
// and with it the bits of a row) and min/max that keep a NaN.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define TIDEGATE_INLINE [[gnu::always_inline]] inline

namespace tidegate::TIDEGATE_ISA {
namespace {

using Index = std::ptrdiff_t;

template <class R>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float Type __attribute__((vector_size(TIDEGATE_BYTES)));
  typedef std::int32_t Integers __attribute__((vector_size(TIDEGATE_BYTES)));
};
template <>
struct VectorOf<double> {
  typedef double Type __attribute__((vector_size(TIDEGATE_BYTES)));
  typedef std::int64_t Integers __attribute__((vector_size(TIDEGATE_BYTES)));
};

template <class R>
using Vec = typename VectorOf<R>::Type;
template <class R>
using Ints = typename VectorOf<R>::Integers;

/// Elements of a vector.
template <class R>
inline constexpr Index kWidth = TIDEGATE_BYTES / static_cast<Index>(sizeof(R));

/// Vector registers that a tile may fill.
#if TIDEGATE_BYTES == 64
inline constexpr int kRegisters = 32;
#else
inline constexpr int kRegisters = 16;
#endif

template <class R>
TIDEGATE_INLINE Vec<R> load(const R* from) {
  Vec<R> v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

template <class R>
TIDEGATE_INLINE void store(R* to, Vec<R> v) {
  __builtin_memcpy(to, &v, sizeof v);
}

/// Asks for the lines of so many vectors, to be read soon.
template <class R>
TIDEGATE_INLINE void prefetch(const R* from, int vectors) {
  for (int v = 0; v < vectors; v += 64 / TIDEGATE_BYTES) {
    __builtin_prefetch(from + v * kWidth<R>);
  }
}

template <class R>
TIDEGATE_INLINE void prefetch_to_write(const R* to) {
  __builtin_prefetch(to, 1);
}

/// The first `count` elements, zeros after them.
template <class R>
TIDEGATE_INLINE Vec<R> load(const R* from, Index count) {
  if (count >= kWidth<R>) return load(from);
  alignas(TIDEGATE_BYTES) R parts[kWidth<R>] = {};
  for (Index i = 0; i < count; ++i) parts[i] = from[i];
  return load(parts);
}

/// The first `count` elements, nothing beyond them.
template <class R>
TIDEGATE_INLINE void store(R* to, Vec<R> v, Index count) {
  if (count >= kWidth<R>) return store(to, v);
  for (Index i = 0; i < count; ++i) to[i] = v[i];
}

/// One value everywhere. (x + Vec{} would add, for x may be -0.)
template <class R>
TIDEGATE_INLINE Vec<R> splat(R x) {
  if constexpr (kWidth<R> == 16) {
    return Vec<R>{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
  } else if constexpr (kWidth<R> == 8) {
    return Vec<R>{x, x, x, x, x, x, x, x};
  } else if constexpr (kWidth<R> == 4) {
    return Vec<R>{x, x, x, x};
  } else {
    return Vec<R>{x, x};
  }
}

#if TIDEGATE_BYTES == 64 && defined(__AVX512F__)
TIDEGATE_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return _mm512_fmadd_ps(a, b, c);
}
TIDEGATE_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm512_fmadd_pd(a, b, c);
}
// In the masked form, for GCC 12 warns of the plain one.
TIDEGATE_INLINE Vec<float> at_most(Vec<float> v, Vec<float> limit) {
  return _mm512_maskz_min_ps(0xFFFF, limit, v);
}
TIDEGATE_INLINE Vec<double> at_most(Vec<double> v, Vec<double> limit) {
  return _mm512_maskz_min_pd(0xFF, limit, v);
}
TIDEGATE_INLINE Vec<float> at_least(Vec<float> v, Vec<float> limit) {
  return _mm512_maskz_max_ps(0xFFFF, limit, v);
}
TIDEGATE_INLINE Vec<double> at_least(Vec<double> v, Vec<double> limit) {
  return _mm512_maskz_max_pd(0xFF, limit, v);
}
#else
#if TIDEGATE_BYTES == 32 && defined(__FMA__)
TIDEGATE_INLINE Vec<float> fma(Vec<float> a, Vec<float> b, Vec<float> c) {
  return _mm256_fmadd_ps(a, b, c);
}
TIDEGATE_INLINE Vec<double> fma(Vec<double> a, Vec<double> b, Vec<double> c) {
  return _mm256_fmadd_pd(a, b, c);
}
#elif TIDEGATE_BYTES == 64 && defined(__FMA__)
// The wide code on narrower registers: two halves.
template <class V>
TIDEGATE_INLINE V fma(V a, V b, V c) {
  V result;
  char* to = reinterpret_cast<char*>(&result);
  const char* parts[] = {reinterpret_cast<const char*>(&a),
                         reinterpret_cast<const char*>(&b),
                         reinterpret_cast<const char*>(&c)};
  for (int half = 0; half < 64; half += 32) {
    if constexpr (sizeof(a[0]) == 4) {
      __m256 x[3];
      for (int i = 0; i < 3; ++i) __builtin_memcpy(&x[i], parts[i] + half, 32);
      const __m256 y = _mm256_fmadd_ps(x[0], x[1], x[2]);
      __builtin_memcpy(to + half, &y, 32);
    } else {
      __m256d x[3];
      for (int i = 0; i < 3; ++i) __builtin_memcpy(&x[i], parts[i] + half, 32);
      const __m256d y = _mm256_fmadd_pd(x[0], x[1], x[2]);
      __builtin_memcpy(to + half, &y, 32);
    }
  }
  return result;
}
#else
// Without the instruction: two roundings (the library's fma would take 20 to
// 50 times as long).
template <class V>
TIDEGATE_INLINE V fma(V a, V b, V c) {
  return a * b + c;
}
#endif
template <class V>
TIDEGATE_INLINE V at_most(V v, V limit) {
  return limit < v ? limit : v;
}
template <class V>
TIDEGATE_INLINE V at_least(V v, V limit) {
  return limit > v ? limit : v;
}
#endif

template <class R>
TIDEGATE_INLINE Vec<R> square_root(Vec<R> x) {
#if TIDEGATE_BYTES == 64 && defined(__AVX512F__)
  if constexpr (sizeof(R) == 4) {
    return _mm512_maskz_sqrt_ps(0xFFFF, x);
  } else {
    return _mm512_maskz_sqrt_pd(0xFF, x);
  }
#elif TIDEGATE_BYTES == 32 && defined(__AVX2__)
  if constexpr (sizeof(R) == 4) {
    return _mm256_sqrt_ps(x);
  } else {
    return _mm256_sqrt_pd(x);
  }
#else
  Vec<R> root;
  for (Index i = 0; i < kWidth<R>; ++i) {
    if constexpr (sizeof(R) == 4) {
      root[i] = __builtin_sqrtf(x[i]);
    } else {
      root[i] = __builtin_sqrt(x[i]);
    }
  }
  return root;
#endif
}

/// Lets denormals count as zero while it lives, in this thread alone: a fading
/// state or gradient would otherwise cost 100 cycles and more an operation.
class FlushDenormals {
 public:
#if defined(__x86_64__)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040U); }
  ~FlushDenormals() { _mm_setcsr(saved_); }
#else
  FlushDenormals() {}
#endif
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned saved_ = 0;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
