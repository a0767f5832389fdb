// Weights rearranged so that every product reads them line after line.
#pragma once

#include "kernels/layout.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// The gates that one recurrent product computes together, and the vectors of
/// hidden units that its tile takes of each.
struct GateBlock {
  int first_gate;
  int gates;
  int units;
  constexpr int vectors() const { return gates * units; }
};

/// Of the cell's products, the first; reset before has a second, which needs
/// the first one's r.
constexpr GateBlock first_gate_block(Cell cell) {
  switch (cell) {
    case Cell::lstm:
      return {0, 4, 1};
    case Cell::gru_after:
      return {0, 3, 1};
    case Cell::gru_before:
      return {0, 2, 1};
    case Cell::rnn_tanh:
    case Cell::rnn_relu:
      break;
  }
  return {0, 1, 2};
}
inline constexpr GateBlock kCandidate{2, 1, 2};  // reset before's second

constexpr Index num_gates(Cell cell) {
  return kCellSizes[static_cast<int>(cell)].gates;
}

/// Hidden units with the padding that makes whole panels.
template <class R>
TIDEGATE_INLINE Index padded_units(Index hidden_size) {
  return round_up(hidden_size, 2 * kWidth<R>);
}

/// One stage of a transposition: exchanges the off-diagonal halves of every
/// pair of blocks of `Half` lanes.
template <class R, Index Half>
TIDEGATE_INLINE void exchange(Vec<R>& a, Vec<R>& b) {
  Ints<R> low;
  Ints<R> high;
#pragma GCC unroll 16
  for (Index i = 0; i < kWidth<R>; ++i) {
    const bool is_low = (i & Half) == 0;
    low[i] = is_low ? i : kWidth<R> + i - Half;
    high[i] = is_low ? i + Half : kWidth<R> + i;
  }
  const Vec<R> first = __builtin_shuffle(a, b, low);
  b = __builtin_shuffle(a, b, high);
  a = first;
}

template <class R, Index Half = kWidth<R> / 2>
TIDEGATE_INLINE void transpose(Vec<R> (&v)[kWidth<R>]) {
#pragma GCC unroll 16
  for (Index i = 0; i < kWidth<R>; ++i) {
    if ((i & Half) == 0) exchange<R, Half>(v[i], v[i + Half]);
  }
  if constexpr (Half > 1) transpose<R, Half / 2>(v);
}

/// A square of weight (units, depth), its columns k to k + width: a vector a
/// column. Zeros where there is no unit or column.
template <class R>
TIDEGATE_INLINE void load_columns(Vec<R> (&square)[kWidth<R>], const R* from,
                                  Index units, Index depth, Index k) {
#pragma GCC unroll 16
  for (Index i = 0; i < kWidth<R>; ++i) {
    square[i] = i < units ? load(from + i * depth + k, depth - k) : Vec<R>{};
  }
  transpose<R>(square);
}

/// One panel, dst (depth, gates, units * width), of weight (gates * H, depth).
/// Zeros where there is no unit.
template <class R>
void pack_panel(const R* weight, Index hidden_size, Index depth, GateBlock group,
                Index panel, R* dst) {
  constexpr Index W = kWidth<R>;
  const Index lanes = group.units * W;
  const Index line = group.gates * lanes;
  for (Index gate = 0; gate < group.gates; ++gate) {
    for (Index lane = 0; lane < lanes; lane += W) {
      const Index unit = panel * lanes + lane;
      const Index units = least(W, hidden_size - unit);
      const R* from =
          weight + ((group.first_gate + gate) * hidden_size + unit) * depth;
      R* to = dst + gate * lanes + lane;
      for (Index k = 0; k < depth; k += W) {
        Vec<R> square[W];
        load_columns<R>(square, from, units, depth, k);
#pragma GCC unroll 16
        for (Index i = 0; i < W; ++i) {
          if (k + i < depth) store(to + (k + i) * line, square[i]);
        }
      }
    }
  }
}

/// What the input's product begins with, (panels, gates, units * width): both
/// biases, but of reset after's candidate the input's alone.
template <class R>
void pack_bias(Cell cell, const Weights& weights, Index hidden_size,
               GateBlock group, R* dst) {
  const auto* bias_ih = static_cast<const R*>(weights.bias_ih);
  const auto* bias_hh = static_cast<const R*>(weights.bias_hh);
  const Index lanes = group.units * kWidth<R>;
  for (Index first = 0; first < padded_units<R>(hidden_size); first += lanes) {
    for (Index gate = group.first_gate; gate < group.first_gate + group.gates;
         ++gate) {
      const bool is_apart = cell == Cell::gru_after && gate == 2;
      for (Index lane = 0; lane < lanes; ++lane) {
        R sum = R(0);
        if (first + lane < hidden_size) {
          const Index at = gate * hidden_size + first + lane;
          if (bias_ih != nullptr) sum = bias_ih[at];
          if (bias_hh != nullptr && !is_apart) sum += bias_hh[at];
        }
        *dst++ = sum;
      }
    }
  }
}

/// The recurrent bias of reset after's candidate, padded with zeros.
template <class R>
void pack_candidate_bias(const Weights& weights, Index hidden_size, R* dst) {
  const auto* bias_hh = static_cast<const R*>(weights.bias_hh);
  for (Index unit = 0; unit < padded_units<R>(hidden_size); ++unit) {
    dst[unit] = bias_hh != nullptr && unit < hidden_size
                    ? bias_hh[2 * hidden_size + unit]
                    : R(0);
  }
}

/// Vectors of columns in a panel of the products that go back.
inline constexpr int kBackVectors = 2;

/// For products with gate gradients on the left: dst (panels, segments * H, back
/// vectors * width) of weight (gates * H, columns), whose gates are taken in the
/// order `gate_of`; one panel. Zeros where there is no column.
template <class R>
void pack_back_panel(const R* weight, Index hidden_size, Index columns,
                     const int* gate_of, Index segments, Index panel, R* dst) {
  constexpr Index kLanes = kBackVectors * kWidth<R>;
  const Index first = panel * kLanes;
  dst += panel * segments * hidden_size * kLanes;
  const Index here = least(kLanes, columns - first);
  for (Index segment = 0; segment < segments; ++segment) {
    const R* from = weight + gate_of[segment] * hidden_size * columns + first;
    for (Index unit = 0; unit < hidden_size;
         ++unit, from += columns, dst += kLanes) {
      for (Index lane = 0; lane < kLanes; lane += kWidth<R>) {
        store(dst + lane, lane < here ? load(from + lane, here - lane)
                                      : Vec<R>{});
      }
    }
  }
}

template <class R>
TIDEGATE_INLINE Index back_panels(Index columns) {
  return round_up(columns, kBackVectors * kWidth<R>) /
         (kBackVectors * kWidth<R>);
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
