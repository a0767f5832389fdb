// What training keeps of every position, and where it stands.
#pragma once

#include "kernels/layout.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// Values that training keeps of every position, in multiples of H. Gates stand
/// side by side, by blocks of units; the LSTM's c, a state like h, comes after
/// them in one piece.
constexpr Index kept_per_unit(Cell cell) {
  return kCellSizes[static_cast<int>(cell)].kept;
}

/// Gates that stand side by side.
constexpr Index kept_gates(Cell cell) {
  return kCellSizes[static_cast<int>(cell)].kept_gates;
}

/// Where gate 0 of a unit stands, and how far it is to the next gate. A block
/// is as wide as the widest vector, whichever instruction set writes or reads.
struct KeptAt {
  static constexpr Index kUnits = 16;
  Index offset;
  Index gate;
};

template <Cell C>
TIDEGATE_INLINE KeptAt kept_at(Index H, Index unit) {
  const Index block = unit & ~(KeptAt::kUnits - 1);
  return {block * kept_gates(C) + unit - block,
          least(KeptAt::kUnits, H - block)};
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
