// The weights of a layer as the steps read them, panel by panel.
#pragma once

#include "kernels/cells.hpp"
#include "kernels/layout.hpp"
#include "kernels/pack.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
struct Packed {
  static constexpr bool kTwo = C == Cell::gru_before;
  static constexpr GateBlock kFirst = first_gate_block(C);
  static constexpr GateBlock group(int g) { return g == 0 ? kFirst : kCandidate; }
  static constexpr Index line(int g) { return group(g).vectors() * kWidth<R>; }
  static Index panels(int g, Index padded) {
    return padded / (group(g).units * kWidth<R>);
  }

  R* ih[2] = {};
  R* hh[2] = {};
  R* bias[2] = {};
  R* candidate_bias = nullptr;

  /// Room for all panels, or for `single` of them at a time.
  void carve(Carver& carver, Index I, Index H, Index padded, Index single = 0) {
    for (int g = 0; g < 1 + kTwo; ++g) {
      const Index columns =
          single > 0 ? single * line(g) : group(g).gates * padded;
      ih[g] = carver.take<R>(I * columns);
      hh[g] = carver.take<R>(H * columns);
      bias[g] = carver.take<R>(group(g).gates * padded);
    }
    candidate_bias = carver.take<R>(padded);
  }

  /// As steps read them, whose input products have room for so many lines.
  StepWeights<R> step_weights(Index H, Index lines) const {
    return {H,           hh[0],       hh[1],           candidate_bias,
            H * line(0), H * line(1), lines * line(0), lines * line(1)};
  }

  void pack_biases(const Weights& w, Index H) const {
    for (int g = 0; g < 1 + kTwo; ++g) pack_bias(C, w, H, group(g), bias[g]);
    if (C == Cell::gru_after) pack_candidate_bias(w, H, candidate_bias);
  }

  void pack(const Weights& w, Index I, Index H, Index padded,
            ParallelFor parallel_for) const {
    pack_biases(w, H);
    const Index first = panels(0, padded);
    const Index both = first + (kTwo ? panels(1, padded) : 0);
    auto task = [&](Index panel) {
      const int g = panel < first ? 0 : 1;
      const Index at = panel < first ? panel : panel - first;
      pack_panel(static_cast<const R*>(w.weight_ih), H, I, group(g), at,
                 ih[g] + at * I * line(g));
      pack_panel(static_cast<const R*>(w.weight_hh), H, H, group(g), at,
                 hh[g] + at * H * line(g));
    };
    parallel(parallel_for, both, kMove * num_gates(C) * H * (I + H), task);
  }
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
