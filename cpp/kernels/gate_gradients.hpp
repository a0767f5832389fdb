// One step back, by elements: from the gradient of a row's state to those of
// its gates before their functions.
#pragma once

#include "kernels/cells.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// Gate gradients of one position stand in segments of H units, so that the
/// input's product and the recurrent one each read them in one piece:
///   simple RNN a; LSTM i f g o; reset before r z n;
///   reset after n r z q: n r z for the input, r z q for the state, where q is
///   the candidate's recurrent part, U_n h + b_hn.
struct Segments {
  int total;
  int input_first, input_count;
  int hidden_first, hidden_count;
  int input_gate[4];   ///< the gate of each of the input's segments
  int hidden_gate[4];  ///< the gate of each of the state's
};

constexpr Segments segments(Cell cell) {
  switch (cell) {
    case Cell::lstm:
      return {4, 0, 4, 0, 4, {0, 1, 2, 3}, {0, 1, 2, 3}};
    case Cell::gru_after:
      return {4, 0, 3, 1, 3, {2, 0, 1, 0}, {0, 1, 2, 0}};
    case Cell::gru_before:
      return {3, 0, 3, 0, 3, {0, 1, 2, 0}, {0, 1, 2, 0}};
    case Cell::rnn_tanh:
    case Cell::rnn_relu:
      break;
  }
  return {1, 0, 1, 0, 1, {0, 0, 0, 0}, {0, 0, 0, 0}};
}

/// Pointers of one row at one step.
template <class R>
struct RowBack {
  const R* kept;         ///< as forward wrote it
  const R* h;            ///< state before; H
  const R* h_out;        ///< state after; H
  const R* c;            ///< cell state before; LSTM
  const R* grad_output;  ///< null for zeros
  R* dh;                 ///< padded: comes as d/dh', leaves as the part of
                         ///< d/dh that does not go through a product
  R* dc;                 ///< padded, the same for c; LSTM
  R* gates;              ///< (segments, H), written
  R* reset_grad;         ///< padded: d/d(r * h); reset before
};

/// For every unit of a row.
template <class R, Cell C>
TIDEGATE_INLINE void gate_gradients(const RowBack<R>& row, Index H,
                                    Index padded) {
  const Vec<R> one = splat(R(1));
  for (Index unit = 0; unit < padded; unit += kWidth<R>) {
    const Index n = H - unit;
    R* gates = row.gates + unit;
    Vec<R> d = load(row.dh + unit, n);
    if (row.grad_output != nullptr) d += load(row.grad_output + unit, n);
    const KeptAt at = kept_at<C>(H, unit);
    const R* kept = row.kept + at.offset;
    if constexpr (C == Cell::rnn_tanh) {
      const Vec<R> h = load(row.h_out + unit, n);
      store(gates, d * fma(-h, h, one), n);
      store(row.dh + unit, Vec<R>{});
    } else if constexpr (C == Cell::rnn_relu) {
      const Vec<R> h = load(row.h_out + unit, n);
      store(gates, h <= splat(R(0)) ? Vec<R>{} : d, n);
      store(row.dh + unit, Vec<R>{});
    } else if constexpr (C == Cell::lstm) {
      const Vec<R> i = load(kept, n);
      const Vec<R> f = load(kept + at.gate, n);
      const Vec<R> g = load(kept + 2 * at.gate, n);
      const Vec<R> o = load(kept + 3 * at.gate, n);
      const Vec<R> squashed = tanh<R>(load(row.kept + 4 * H + unit, n));
      const Vec<R> before = load(row.c + unit, n);
      const Vec<R> dc =
          fma(d * o, fma(-squashed, squashed, one), load(row.dc + unit, n));
      store(gates, dc * g * (i * (one - i)), n);
      store(gates + H, dc * before * (f * (one - f)), n);
      store(gates + 2 * H, dc * i * fma(-g, g, one), n);
      store(gates + 3 * H, d * squashed * (o * (one - o)), n);
      store(row.dc + unit, dc * f);
      store(row.dh + unit, Vec<R>{});
    } else {
      const Vec<R> r = load(kept, n);
      const Vec<R> z = load(kept + at.gate, n);
      const Vec<R> candidate = load(kept + 2 * at.gate, n);
      const Vec<R> h = load(row.h + unit, n);
      // d - d z, as torch has it: an infinite d gives the same NaN.
      const Vec<R> dn = fma(-d, z, d) * fma(-candidate, candidate, one);
      const Vec<R> dz = d * (h - candidate) * (z * (one - z));
      if constexpr (C == Cell::gru_after) {
        const Vec<R> q = load(kept + 3 * at.gate, n);
        store(gates, dn, n);
        store(gates + H, dn * q * (r * (one - r)), n);
        store(gates + 2 * H, dz, n);
        store(gates + 3 * H, dn * r, n);
      } else {
        store(gates + H, dz, n);
        store(gates + 2 * H, dn, n);
        store(row.reset_grad + unit, Vec<R>{});
      }
      store(row.dh + unit, d * z);
    }
  }
}

/// Reset before, once reset_grad is known: r's gradient, and what reaches h
/// through r * h.
template <class R>
TIDEGATE_INLINE void reset_gradients(const RowBack<R>& row, Index H,
                                     Index padded) {
  for (Index unit = 0; unit < padded; unit += kWidth<R>) {
    const KeptAt at = kept_at<Cell::gru_before>(H, unit);
    const Vec<R> r = load(row.kept + at.offset, H - unit);
    const Vec<R> h = load(row.h + unit, H - unit);
    const Vec<R> d = load(row.reset_grad + unit, H - unit);
    store(row.gates + unit, d * h * (r * (splat(R(1)) - r)), H - unit);
    store(row.dh + unit, fma(d, r, load(row.dh + unit)));
  }
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
