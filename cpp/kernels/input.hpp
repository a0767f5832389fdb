// The input's part of the gates, W x + b, for many positions at once: a plain
// product, in the very layout that the recurrent product begins from.
#pragma once

#include "kernels/pack.hpp"
#include "kernels/tile.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// One packed group: panels of W and what the sums begin with.
template <class R>
struct InputWeights {
  const R* panels;
  const R* bias;
  Index stride;  ///< from panel to panel; 0 when `panels` is the one there is
};

/// projected (panels, capacity, vectors * width): `count` rows of it from
/// `first` on, for panels [begin, end). rows: `count` pointers to I elements.
template <class R, int Vectors>
void project(const InputWeights<R>& w, const R* const* rows, Index count,
             Index input_size, Index begin, Index end, R* projected,
             Index capacity, Index first) {
  constexpr Index kLine = Vectors * kWidth<R>;
  for (Index panel = begin; panel < end; ++panel) {
    R* to = projected + (panel * capacity + first) * kLine;
    const R* bias = w.bias + panel * kLine;
    const R* weights = w.panels + panel * w.stride;
    for_tiles<tile_rows(Vectors)>(count, [&]<int Rows>(Index row) {
      Vec<R> a[Rows][Vectors];
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) a[i][v] = load(bias + v * kWidth<R>);
      }
      multiply_add<R>(a, rows + row, weights, input_size);
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 16
        for (int v = 0; v < Vectors; ++v) {
          store(to + (row + i) * kLine + v * kWidth<R>, a[i][v]);
        }
      }
    });
  }
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
