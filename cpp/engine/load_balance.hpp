// Load balancing: divides the ranks of a batch into parts of equal work.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/dispatch.hpp"

namespace tidegate {

/// Divides `ranks`, rising, into so many parts with about the same number of
/// steps. Appends the members of each, rising, to `dealt`, and where
/// they end to `begin`, which starts with 0.
///
/// plan: num_rows, length, start and joins are read. leader_rank: by rank; rows
/// stay with their prefix leader.
void deal(const BatchPlan& plan, std::span<const std::int64_t> leader_rank,
          std::span<const std::int64_t> ranks, std::int64_t parts,
          std::vector<std::int64_t>& begin, std::vector<std::int64_t>& dealt);

}  // namespace tidegate
