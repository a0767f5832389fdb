// Which ranks of a batch go together: to groups, and to a group's shares.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/table.hpp"

namespace tidegate {

/// Deals `ranks`, rising, to so many parts that have about the same number of
/// steps to make. Appends the members of each, rising, to `dealt`, and where
/// they end to `begin`, which starts with 0.
///
/// plan: num_rows, length, start and joins are read. stem_rank: by rank; rows
/// stay with the stem they begin like.
void deal(const Plan& plan, std::span<const std::int64_t> stem_rank,
          std::span<const std::int64_t> ranks, std::int64_t parts,
          std::vector<std::int64_t>& begin, std::vector<std::int64_t>& dealt);

}  // namespace tidegate
