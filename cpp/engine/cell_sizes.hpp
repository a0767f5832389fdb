// What each cell has of everything: defined once, for engine, kernels and
// Python. Data alone, for each object that includes it: see
// kernels/dispatch.hpp.
#pragma once

#include <cstdint>

#include "engine/layer.hpp"

namespace tidegate {

struct CellSizes {
  std::int64_t gates;  ///< G: rows of the weights, in multiples of H
  /// Values that training keeps of every position, in multiples of H: LSTM
  /// i f g o c, reset after r z n q (q = U_n h + b_hn), reset before r z n. The
  /// simple RNN's output says it all.
  std::int64_t kept;
  std::int64_t kept_gates;  ///< of these, the gates, which stand side by side
};

/// By Cell.
static constexpr CellSizes kCellSizes[] = {
    /* rnn_tanh */ {.gates = 1, .kept = 0, .kept_gates = 0},
    /* rnn_relu */ {.gates = 1, .kept = 0, .kept_gates = 0},
    /* lstm */ {.gates = 4, .kept = 5, .kept_gates = 4},
    /* gru_after */ {.gates = 3, .kept = 4, .kept_gates = 4},
    /* gru_before */ {.gates = 3, .kept = 3, .kept_gates = 3},
};

}  // namespace tidegate
