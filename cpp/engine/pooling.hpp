// Means and maxima of the rows of a ragged batch, and their gradient.
//
// A row's sums run step by step from its first; a NaN is above every number.
// No result depends on the number of threads or the instruction set.
#pragma once

#include <cstdint>

#include "engine/layer.hpp"

namespace tidegate {

/// The rows of a flat batch: row n has the positions offsets[n] to
/// offsets[n+1] - 1.
struct RaggedRows {
  std::int64_t num_rows = 0;      ///< N
  std::int64_t num_positions = 0;  ///< P
  std::int64_t num_features = 0;  ///< F
  const std::int64_t* offsets = nullptr;  ///< (N+1,)
};

/// Results are (N, F), their rows `stride` elements apart, and null where not
/// wanted. None overlaps another or the values.
struct PoolCall {
  Dtype dtype = Dtype::float32;
  RaggedRows rows;
  const void* values = nullptr;  ///< (P, F)
  void* mean = nullptr;
  void* maxima = nullptr;
  std::int64_t stride = 0;
  /// (N, F), dense: the position where each maximum first stands, 0 in a row
  /// without steps. Null where not wanted.
  std::int64_t* first = nullptr;
};

/// Gradients that come in are (N, F), their rows `stride` elements apart, and
/// null for zeros; with grad_maxima comes `first`.
struct UnpoolCall {
  Dtype dtype = Dtype::float32;
  RaggedRows rows;
  const void* grad_mean = nullptr;
  const void* grad_maxima = nullptr;
  std::int64_t stride = 0;
  const std::int64_t* first = nullptr;
  void* grad_values = nullptr;  ///< (P, F), written
};

/// Throws std::invalid_argument unless the offsets ascend from 0 to P by less
/// than 2^31 at once. A row without steps gives zeros.
void pool_rows(const PoolCall& call);

/// The gradient of pool_rows. Throws likewise.
void unpool_rows(const UnpoolCall& call);

}  // namespace tidegate
