// Shared prefixes: rows that begin with the same token make those steps once.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/layer.hpp"

namespace tidegate {

/// Rows that begin with one token repeated, as rows padded in front do, are in
/// the same state until their first other token. Of up to eight such rows the
/// one with the longest prefix, their leader, makes these steps for all.
struct SharedPrefixes {
  std::vector<std::int64_t> start;   ///< (N,): the first step of a row's own
  std::vector<std::int64_t> leader;  ///< (N,): the row that made those before
};

/// Empty where that saves too little. For rows of T steps each, with ids.
SharedPrefixes find_shared_prefixes(const Positions& positions,
                                    const std::int64_t* ids, bool reverse);

}  // namespace tidegate
