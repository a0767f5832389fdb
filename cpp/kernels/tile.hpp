// The product that everything is made of: a tile of accumulators in registers,
//   accumulator[row][vector] += sum over k of rows[row][k] * panel[k][vector]
//
// Every element is one chain of fused multiply-adds in the order of k, begun
// from what the accumulator holds. So a row's bits do not depend on how many
// rows its tile has. `line` is the distance from one k to the next in the
// panel.
#pragma once

#include "kernels/simd.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// Rows of a full tile: accumulators, one panel line and one broadcast fill the
/// registers.
constexpr int tile_rows(int vectors) {
  if (kRegisters == 32) return vectors == 4 ? 6 : 8;
  return vectors == 4 ? 3 : vectors == 3 ? 4 : 6;
}

inline constexpr Index kAskEvery = 32;

template <class R, int Rows, int Vectors>
TIDEGATE_INLINE void multiply_add(Vec<R> (&accumulators)[Rows][Vectors],
                                  const R* const* rows, const R* panel,
                                  Index depth,
                                  Index line = Vectors * kWidth<R>) {
  const R* a[Rows];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) a[i] = rows[i];
  for (Index k = 0; k < depth; ++k, panel += line) {
    Vec<R> b[Vectors];
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) b[v] = load(panel + v * kWidth<R>);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const Vec<R> x = splat(a[i][k]);
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) {
        accumulators[i][v] = fma(x, b[v], accumulators[i][v]);
      }
    }
  }
}

/// The same with ask(piece) before each piece of the depth, for memory that is
/// needed soon: some two dozen lines may be under way at a time, so that what
/// is asked for at once waits, and the product with it.
template <class R, int Rows, int Vectors, class Ask>
TIDEGATE_INLINE void multiply_add_asking(Vec<R> (&accumulators)[Rows][Vectors],
                                         const R* const* rows, const R* panel,
                                         Index depth, Index line,
                                         const Ask& ask) {
  const R* a[Rows];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) a[i] = rows[i];
  for (Index k = 0; k < depth; k += kAskEvery) {
    ask(k / kAskEvery);
    multiply_add<R>(accumulators, a, panel + k * line,
                    least(kAskEvery, depth - k), line);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i] += kAskEvery;
  }
}

/// Calls body.template operator()<Rows>(first) over tiles that cover `count`
/// rows: as many full ones as fit, then smaller ones.
template <int Rows, class Body>
TIDEGATE_INLINE void for_tiles(Index count, const Body& body) {
  Index first = 0;
  for (; first + Rows <= count; first += Rows) {
    body.template operator()<Rows>(first);
  }
  if constexpr (Rows > 4) {
    if (first + 4 <= count) {
      body.template operator()<4>(first);
      first += 4;
    }
  }
  if constexpr (Rows > 3) {
    if (first + 3 == count) {
      body.template operator()<3>(first);
      first += 3;
    }
  }
  if constexpr (Rows > 2) {
    if (first + 2 <= count) {
      body.template operator()<2>(first);
      first += 2;
    }
  }
  if constexpr (Rows > 1) {
    if (first < count) body.template operator()<1>(first);
  }
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
