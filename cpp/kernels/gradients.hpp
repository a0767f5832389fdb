// Products with gate gradients over many positions: those that go to the input,
// and the weights'. Sums over positions run in blocks of fixed size in the
// order of the positions, each begun at zero: no thread has a say in them, and
// errors grow with the number of blocks, not of positions.
#pragma once

#include "kernels/pack.hpp"
#include "kernels/tile.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

inline constexpr Index kBlock = 128;  // positions
/// So few that writing the weights' gradients costs more than the products.
inline constexpr Index kFewPositions = 32;

/// Whether weights are read too seldom to be worth packing: once for all rows
/// of a step.
TIDEGATE_INLINE bool are_read_seldom(const BatchPlan& plan) {
  return plan.num_positions <= (plan.num_steps == 1 ? 32 : 8);
}

/// Tasks are pieces of this many units, columns or positions.
inline constexpr Index kTaskUnits = 64;
inline constexpr Index kTaskColumns = 64;  // whole vectors
inline constexpr Index kTaskPositions = 64;

/// Rows of gate gradients and columns (in vectors) of sources in a tile.
inline constexpr int kOuterRows = kRegisters == 32 ? 8 : 4;
inline constexpr int kOuterVectors = 3;

/// A matrix of `count` positions, its rows `stride` apart.
template <class R>
struct Matrix {
  R* data;
  Index stride;
};

/// A line more a row: rows a power of two apart share few sets of the cache. It
/// also keeps what a last vector reads beyond its row within memory.
template <class R>
Matrix<R> take_matrix(Carver& carver, Index rows, Index columns) {
  const Index stride =
      round_up(columns, kWidth<R>) + 64 / static_cast<Index>(sizeof(R));
  return {carver.take<R>(rows * stride), stride};
}

/// From a row and a column on.
template <class R>
Matrix<const R> part(Matrix<R> m, Index row, Index column) {
  return {m.data + row * m.stride + column, m.stride};
}

/// sum[i][v] over positions of left[p][i] * right[p][v]
template <class R, int Vectors>
TIDEGATE_INLINE void outer_tile(const R* left, Index left_stride,
                                const R* right, Index right_stride,
                                Index positions, bool adds, R* to,
                                Index to_stride, Index rows, Index columns) {
  Vec<R> sum[kOuterRows][Vectors] = {};
  for (Index p = 0; p < positions; ++p) {
    Vec<R> b[Vectors];
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      b[v] = load(right + p * right_stride + v * kWidth<R>);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kOuterRows; ++i) {
      const Vec<R> a = splat(left[p * left_stride + i]);
#pragma GCC unroll 16
      for (int v = 0; v < Vectors; ++v) sum[i][v] = fma(a, b[v], sum[i][v]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < kOuterRows; ++i) {
    if (i >= rows) break;
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      const Index first = v * kWidth<R>;
      if (first >= columns) break;
      R* at = to + i * to_stride + first;
      Vec<R> total = sum[i][v];
      if (adds) total += load(at, columns - first);
      store(at, total, columns - first);
    }
  }
}

/// to (units, columns) = or += over positions of gates[p][unit] * source[p][.],
/// for units [begin, end) of one segment; begin a multiple of kOuterRows.
/// Rows of gates and sources are padded, `to` is not.
template <class R>
void outer_product(Matrix<const R> gates, Matrix<const R> source,
                   Index positions, bool adds, R* to, Index columns,
                   Index begin, Index end) {
  constexpr Index kLanes = kOuterVectors * kWidth<R>;
  for (Index block = 0; block < positions; block += kBlock, adds = true) {
    const Index count = least(kBlock, positions - block);
    const R* left = gates.data + block * gates.stride;
    const R* right = source.data + block * source.stride;
    auto tile = [&](Index unit, Index column) {
      const Index width = columns - column;
      R* at = to + unit * columns + column;
      const Index rows = end - unit;
      if (width > 2 * kWidth<R>) {
        outer_tile<R, 3>(left + unit, gates.stride, right + column,
                         source.stride, count, adds, at, columns, rows, width);
      } else if (width > kWidth<R>) {
        outer_tile<R, 2>(left + unit, gates.stride, right + column,
                         source.stride, count, adds, at, columns, rows, width);
      } else {
        outer_tile<R, 1>(left + unit, gates.stride, right + column,
                         source.stride, count, adds, at, columns, rows, width);
      }
    };
    if (count <= kFewPositions) {
      // Writing is the work, so it goes along the rows.
      for (Index unit = begin; unit < end; unit += kOuterRows) {
        for (Index column = 0; column < columns; column += kLanes) {
          tile(unit, column);
        }
      }
    } else {
      for (Index column = 0; column < columns; column += kLanes) {
        for (Index unit = begin; unit < end; unit += kOuterRows) {
          tile(unit, column);
        }
      }
    }
  }
}

/// to[unit] += sum over positions of gates[p][unit], for [begin, end), begin a
/// multiple of the vector; a last vector may go beyond end.
template <class R>
void sum_positions(Matrix<const R> gates, Index positions, Index begin,
                   Index end, R* to) {
  for (Index block = 0; block < positions; block += kBlock) {
    const Index count = least(kBlock, positions - block);
    for (Index unit = begin; unit < end; unit += kWidth<R>) {
      const R* at = gates.data + block * gates.stride + unit;
      Vec<R> sum{};
      for (Index p = 0; p < count; ++p) sum += load(at + p * gates.stride);
      store(to + unit, load(to + unit) + sum);
    }
  }
}

/// Weights on the right of a product that goes back: packed, one segment of all
/// gates; or as they are, a segment a gate, with whole panels of columns.
template <class R>
struct BackWeights {
  const R* data;
  Index panel_stride;
  Index line;   ///< from one gate's unit to the next
  Index depth;  ///< of a segment
  int segments;
  bool is_plain;    ///< panels are neighbours in one line
  Index offset[4];  ///< of each segment
};

template <class R>
BackWeights<R> packed_weights(const R* packed, Index depth) {
  constexpr Index kLanes = kBackVectors * kWidth<R>;
  return {packed, depth * kLanes, kLanes, depth, 1, false, {0, 0, 0, 0}};
}

template <class R>
BackWeights<R> plain_weights(const R* weight, Index H, Index columns,
                             const int* gate_of, Index segments) {
  BackWeights<R> w{weight,      kBackVectors * kWidth<R>,   columns,
                   H,           static_cast<int>(segments), true,
                   {0, 0, 0, 0}};
  for (Index s = 0; s < segments; ++s) w.offset[s] = gate_of[s] * H * columns;
  return w;
}

/// Memory that is read after a product, brought to the second-level cache
/// meanwhile, some lines at a time.
struct Ahead {
  static constexpr Index kLine = 64;
  const char* next = nullptr;
  const char* end = nullptr;
  Index lines = 0;  ///< at a time

  TIDEGATE_INLINE void ask() {
    for (Index i = 0; i < lines && next < end; ++i, next += kLine) {
      __builtin_prefetch(next, 0, 2);
    }
  }
};

/// A tile of back_product: Vectors of columns from `panel` on.
template <class R, int Rows, int Vectors>
TIDEGATE_INLINE void back_tile(const R* const* rows, const BackWeights<R>& w,
                               bool adds, R* const* to, Index columns,
                               Index panel, Ahead& ahead) {
  const Index column = panel * kBackVectors * kWidth<R>;
  Vec<R> a[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      const Index first = column + v * kWidth<R>;
      a[i][v] = adds && first < columns ? load(to[i] + first, columns - first)
                                        : Vec<R>{};
    }
  }
  for (int segment = 0; segment < w.segments; ++segment) {
    const R* left[Rows];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) left[i] = rows[i] + segment * w.depth;
    multiply_add_asking<R>(
        a, left, w.data + panel * w.panel_stride + w.offset[segment], w.depth,
        w.line, [&](Index) { ahead.ask(); });
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      const Index first = column + v * kWidth<R>;
      if (first < columns) store(to[i] + first, a[i][v], columns - first);
    }
  }
}

/// to[row] (columns) = or += rows[row] (segments * depth) times the weights,
/// for some panels of columns.
template <class R>
void back_product(const R* const* rows, Index count, const BackWeights<R>& w,
                  bool adds, R* const* to, Index columns, PanelRange panels,
                  Ahead ahead = {}) {
  if (count == 1 && w.is_plain) {
    // A row alone has too few chains of sums to wait for each other in panels
    // of their own; where weights stand as they are, panels are neighbours.
    constexpr int kAtOnce = kRegisters / 4 / kBackVectors;
    for (; panels.begin + kAtOnce <= panels.end; panels.begin += kAtOnce) {
      back_tile<R, 1, kAtOnce * kBackVectors>(rows, w, adds, to, columns,
                                              panels.begin, ahead);
    }
  }
  panels.each([&](Index panel) {
    for_tiles<tile_rows(kBackVectors)>(count, [&]<int Rows>(Index row) {
      back_tile<R, Rows, kBackVectors>(rows + row, w, adds, to + row, columns,
                                       panel, ahead);
    });
  });
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
