// One step forward of a tile: rows by one panel of units. The recurrent product
// and the gates, applied before anything is stored.
#pragma once

#include "kernels/math.hpp"
#include "kernels/pack.hpp"
#include "kernels/plain.hpp"
#include "kernels/reserve.hpp"
#include "kernels/tile.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// What one step reads and writes, a pointer a row. Rows of h and c have H
/// elements; scratch rows are padded.
template <class R>
struct StepRows {
  const R** projected;  ///< input's part, at panel 0 of the first group
  const R** candidate;  ///< the same of the second; reset before
  const R** h;          ///< state before
  R** h_out;            ///< state after
  const R** c;          ///< LSTM
  R** c_out;            ///< LSTM; may be c
  R** kept;             ///< training
  const R** reset;      ///< r * h, padded; reset before
  R** update;           ///< z, padded; reset before
};

template <class R>
struct StepWeights {
  Index hidden_size;
  const R* first;            ///< panels of the first group
  const R* second;           ///< of the second; reset before
  const R* candidate_bias;   ///< padded; reset after
  Index first_stride;        ///< from panel to panel of `first`; 0: just one
  Index second_stride;       ///< the same of `second`
  Index projected_stride;    ///< from panel to panel of `projected`
  Index candidate_stride;    ///< the same of `candidate`
  const R* plain = nullptr;  ///< weight_hh as it stands, for a row alone;
                             ///< null: `first` and `second` are packed
};

/// The recurrent product of one panel: packed, or plain for a row alone.
template <class R, int Rows, int Vectors>
TIDEGATE_INLINE void recurrent_product(Vec<R> (&a)[Rows][Vectors],
                                       const StepWeights<R>& w,
                                       const R* const* rows, const R* packed,
                                       GateBlock group, Index panel) {
  if constexpr (Rows == 1) {
    if (w.plain != nullptr) {
      return plain_product<R>(a, rows[0], w.plain, w.hidden_size, w.hidden_size,
                              group, panel);
    }
  }
  multiply_add<R>(a, rows, packed, w.hidden_size);
}

template <class R, int Rows, int Vectors>
TIDEGATE_INLINE void load_tile(Vec<R> (&a)[Rows][Vectors], const R* const* rows,
                               Index offset) {
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) {
      a[i][v] = load(rows[i] + offset + v * kWidth<R>);
    }
  }
}

/// h' = n + z (h - n)
template <class R>
TIDEGATE_INLINE Vec<R> blend(Vec<R> z, Vec<R> n, Vec<R> h) {
  return fma(z, h - n, n);
}

/// Asks for a third of what a training's tile will write: a store that misses
/// the caches holds up those after it.
template <class R, Cell C, int Rows>
TIDEGATE_INLINE void ask_to_write(const StepRows<R>& rows, Index row, Index H,
                                  Index unit, Index third) {
  const KeptAt at = kept_at<C>(H, unit);
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    if (i % 3 != third) continue;
    const R* kept = rows.kept[row + i] + at.offset;
    for (Index gate = 0; gate < kept_gates(C); ++gate) {
      prefetch_to_write(kept + gate * at.gate);
    }
    prefetch_to_write(rows.h_out[row + i] + unit);
    if (C == Cell::lstm) prefetch_to_write(rows.c_out[row + i] + unit);
  }
}

template <class R, Cell C, bool Training, int Rows>
TIDEGATE_INLINE void step_tile(const StepWeights<R>& w, const StepRows<R>& rows,
                               Index row, Index panel, Index next) {
  constexpr GateBlock kGroup = first_gate_block(C);
  constexpr int kVectors = kGroup.vectors();
  constexpr Index kLanes = kGroup.units * kWidth<R>;
  const Index H = w.hidden_size;
  const Index unit = panel * kLanes;
  const Index count = H - unit;  // of units here; beyond a vector all are
  Vec<R> a[Rows][kVectors];
  const R* const* projected = rows.projected + row;
  const Index offset = panel * w.projected_stride;
  if constexpr (C == Cell::gru_after) {
    const Vec<R> bias = load(w.candidate_bias + unit);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      a[i][0] = load(projected[i] + offset);
      a[i][1] = load(projected[i] + offset + kWidth<R>);
      a[i][2] = bias;
    }
  } else {
    load_tile<R>(a, projected, offset);
  }
  // With ids they stand anywhere, so the next panel's are asked for now.
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
    prefetch(projected[i] + next * w.projected_stride, kVectors);
  }
  const R* hidden = w.first + panel * w.first_stride;
  if constexpr (Training && Rows > 1 &&
                (C == Cell::lstm || C == Cell::gru_after)) {
    multiply_add_asking<R>(
        a, rows.h + row, hidden, H, kVectors * kWidth<R>, [&](Index piece) {
          // Not at first: the next panel's are under way.
          if (piece >= 1 && piece <= 3) {
            ask_to_write<R, C, Rows>(rows, row, H, unit, piece - 1);
          }
        });
  } else {
    recurrent_product<R>(a, w, rows.h + row, hidden, kGroup, panel);
  }

  if constexpr (C == Cell::rnn_tanh || C == Cell::rnn_relu) {
#pragma GCC unroll 16
    for (int v = 0; v < kVectors; ++v) {
      const Index first = v * kWidth<R>;
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) {
        a[i][v] = C == Cell::rnn_tanh ? tanh<R>(a[i][v])
                                      : at_least(a[i][v], splat(R(0)));
      }
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) {
        if (count > first) {
          store(rows.h_out[row + i] + unit + first, a[i][v], count - first);
        }
      }
    }
  } else if constexpr (C == Cell::lstm) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][0] = sigmoid<R>(a[i][0]);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][1] = sigmoid<R>(a[i][1]);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][2] = tanh<R>(a[i][2]);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][3] = sigmoid<R>(a[i][3]);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const Vec<R> c =
          fma(a[i][1], load(rows.c[row + i] + unit, count), a[i][0] * a[i][2]);
      store(rows.c_out[row + i] + unit, c, count);
      store(rows.h_out[row + i] + unit, a[i][3] * tanh<R>(c), count);
      if constexpr (Training) {
        const KeptAt at = kept_at<C>(H, unit);
        R* kept = rows.kept[row + i] + at.offset;
        store(kept, a[i][0], count);
        store(kept + at.gate, a[i][1], count);
        store(kept + 2 * at.gate, a[i][2], count);
        store(kept + 3 * at.gate, a[i][3], count);
      }
    }
  } else if constexpr (C == Cell::gru_after) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][0] = sigmoid<R>(a[i][0]);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][1] = sigmoid<R>(a[i][1]);
    Vec<R> n[Rows];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      n[i] = tanh<R>(
          fma(a[i][0], a[i][2], load(projected[i] + offset + 2 * kWidth<R>)));
    }
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const Vec<R> h = load(rows.h[row + i] + unit, count);
      store(rows.h_out[row + i] + unit, blend<R>(a[i][1], n[i], h), count);
      if constexpr (Training) {
        const KeptAt at = kept_at<C>(H, unit);
        R* kept = rows.kept[row + i] + at.offset;
        store(kept, a[i][0], count);
        store(kept + at.gate, a[i][1], count);
        store(kept + 2 * at.gate, n[i], count);
        store(kept + 3 * at.gate, a[i][2], count);
      }
    }
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][0] = sigmoid<R>(a[i][0]);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][1] = sigmoid<R>(a[i][1]);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const Vec<R> h = load(rows.h[row + i] + unit, count);
      store(const_cast<R*>(rows.reset[row + i]) + unit, a[i][0] * h);
      store(rows.update[row + i] + unit, a[i][1]);
      if constexpr (Training) {
        const KeptAt at = kept_at<C>(H, unit);
        R* kept = rows.kept[row + i] + at.offset;
        store(kept, a[i][0], count);
        store(kept + at.gate, a[i][1], count);
      }
    }
  }
}

/// The second product of reset before: the candidate, and the state after.
template <class R, bool Training, int Rows>
TIDEGATE_INLINE void candidate_tile(const StepWeights<R>& w,
                                    const StepRows<R>& rows, Index row,
                                    Index panel) {
  constexpr int kVectors = kCandidate.vectors();
  const Index H = w.hidden_size;
  const Index unit = panel * kVectors * kWidth<R>;
  Vec<R> a[Rows][kVectors];
  load_tile<R>(a, rows.candidate + row, panel * w.candidate_stride);
  recurrent_product<R>(a, w, rows.reset + row,
                       w.second + panel * w.second_stride, kCandidate, panel);
#pragma GCC unroll 16
  for (int v = 0; v < kVectors; ++v) {
    const Index first = unit + v * kWidth<R>;
    if (first >= H) break;
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) a[i][v] = tanh<R>(a[i][v]);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const Vec<R> h = load(rows.h[row + i] + first, H - first);
      const Vec<R> z = load(rows.update[row + i] + first);
      store(rows.h_out[row + i] + first, blend<R>(z, a[i][v], h), H - first);
      if constexpr (Training) {
        const KeptAt at = kept_at<Cell::gru_before>(H, first);
        store(rows.kept[row + i] + at.offset + 2 * at.gate, a[i][v], H - first);
      }
    }
  }
}

/// One step of `count` rows over panels [begin, end) of the first group.
template <class R, Cell C, bool Training>
void step_first(const StepWeights<R>& w, const StepRows<R>& rows, Index count,
                PanelRange panels) {
  panels.each([&](Index panel) {
    const Index next = panels.is_down ? greatest(panel - 1, panels.begin)
                                      : least(panel + 1, panels.end - 1);
    for_tiles<tile_rows(first_gate_block(C).vectors())>(
        count, [&]<int Rows>(Index row) {
          step_tile<R, C, Training, Rows>(w, rows, row, panel, next);
        });
  });
}

template <class R, bool Training>
void step_second(const StepWeights<R>& w, const StepRows<R>& rows, Index count,
                 PanelRange panels) {
  panels.each([&](Index panel) {
    for_tiles<tile_rows(kCandidate.vectors())>(count, [&]<int Rows>(Index row) {
      candidate_tile<R, Training, Rows>(w, rows, row, panel);
    });
  });
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
