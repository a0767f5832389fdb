#include "engine/pooling.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "engine/kernels.hpp"
#include "engine/parallel.hpp"
#include "engine/sizes.hpp"

namespace tidegate {
namespace {

// Features of a task: a few cache lines of every step.
constexpr std::int64_t kFeatures = 64;

void check(const RaggedRows& rows, std::int64_t stride) {
  product("offsets", {rows.num_rows, rows.num_features + 64, 8});
  product("values", {rows.num_positions, rows.num_features + 64, 8});
  product("results", {rows.num_rows, stride, 8});
  require(rows.offsets != nullptr, "offsets, got none");
  const std::int64_t* offsets = rows.offsets;
  const auto refuse = [](const std::string& what) {
    throw std::invalid_argument("pooling: expected offsets " + what);
  };
  if (offsets[0] != 0 || offsets[rows.num_rows] != rows.num_positions) {
    refuse("from 0 to P = " + std::to_string(rows.num_positions) + ", got " +
           std::to_string(offsets[0]) + " to " +
           std::to_string(offsets[rows.num_rows]));
  }
  for (std::int64_t row = 0; row < rows.num_rows; ++row) {
    const std::int64_t begin = offsets[row];
    const std::int64_t end = offsets[row + 1];
    // In this order no difference overflows.
    if (begin <= end && end <= rows.num_positions &&
        end - begin < (std::int64_t{1} << 31)) {
      continue;
    }
    refuse("that ascend by less than 2^31, got " + std::to_string(end) +
           " after " + std::to_string(begin) + " in row " +
           std::to_string(row));
  }
}

std::int64_t pieces(std::int64_t whole, std::int64_t piece) {
  return (whole + piece - 1) / piece;
}

}  // namespace

void pool_rows(const PoolCall& call) {
  const RaggedRows& rows = call.rows;
  check(rows, call.stride);
  require(call.values != nullptr || rows.num_positions == 0 ||
              rows.num_features == 0,
          "values, got none");
  const auto kernel = kernels_of(active_isa()).pool_row;
  const std::int64_t blocks = pieces(rows.num_features, kFeatures);
  parallel(static_cast<std::size_t>(rows.num_rows * blocks),
           rows.num_positions * rows.num_features, [&](std::size_t task) {
             const auto index = static_cast<std::int64_t>(task);
             const std::int64_t begin = index % blocks * kFeatures;
             kernel(call, index / blocks, begin,
                    std::min(begin + kFeatures, rows.num_features));
           });
}

void unpool_rows(const UnpoolCall& call) {
  const RaggedRows& rows = call.rows;
  check(rows, call.stride);
  require(call.grad_values != nullptr || rows.num_positions == 0 ||
              rows.num_features == 0,
          "grad_values, got none");
  require(call.grad_maxima == nullptr || call.first != nullptr ||
              rows.num_rows == 0 || rows.num_features == 0,
          "first with grad_maxima, got none");
  const auto kernel = kernels_of(active_isa()).unpool_steps;
  const std::int64_t steps = std::max<std::int64_t>(
      1, kPiece / std::max<std::int64_t>(1, rows.num_features));
  parallel(
      static_cast<std::size_t>(pieces(rows.num_positions, steps)),
      rows.num_positions * rows.num_features, [&](std::size_t task) {
        std::int64_t begin = static_cast<std::int64_t>(task) * steps;
        const std::int64_t end = std::min(begin + steps, rows.num_positions);
        // The last row that begins here or before has this position.
        std::int64_t row =
            std::upper_bound(rows.offsets, rows.offsets + rows.num_rows + 1,
                             begin) -
            rows.offsets - 1;
        for (; begin < end; ++row) {
          const std::int64_t stop = std::min(end, rows.offsets[row + 1]);
          if (begin < stop) kernel(call, row, begin, stop);
          begin = stop;
        }
      });
}

}  // namespace tidegate
