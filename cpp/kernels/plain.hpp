// Products of one row with weights as they stand in memory, where packing them
// would cost more than it gains. Element by element they are the chains of the
// packed products, so that a row alone has the bits that it has in a batch.
#pragma once

#include "kernels/pack.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// a[v] += sum over k of x[k] * weight[v's units][k], for one panel of a group;
/// weight is (gates * H, depth). Squares of it are transposed in registers.
template <class R, int Vectors>
void plain_product(Vec<R> (&a)[1][Vectors], const R* x, const R* weight,
                   Index hidden_size, Index depth, GateBlock group, Index panel) {
  constexpr Index W = kWidth<R>;
  for (int v = 0; v < Vectors; ++v) {
    const Index gate = group.first_gate + v / group.units;
    const Index unit = (panel * group.units + v % group.units) * W;
    const Index units = hidden_size - unit;
    if (units <= 0) continue;
    const R* from = weight + (gate * hidden_size + unit) * depth;
    Vec<R> sum = a[0][v];
    for (Index k = 0; k < depth; k += W) {
      Vec<R> square[W];
      load_columns<R>(square, from, units, depth, k);
      if (depth - k >= W) {
#pragma GCC unroll 16
        for (Index i = 0; i < W; ++i) {
          sum = fma(splat(x[k + i]), square[i], sum);
        }
      } else {
        for (Index i = 0; i < depth - k; ++i) {
          sum = fma(splat(x[k + i]), square[i], sum);
        }
      }
    }
    a[0][v] = sum;
  }
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
