// Which rows of a batch begin alike, so that the steps there are made once.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/layer.hpp"

namespace tidegate {

/// Rows that begin with one token again and again, as those do that are padded
/// in front, are in the same state until their first other token. Of some such
/// rows the one that has most of it, their stem, makes these steps for all.
struct Beginnings {
  std::vector<std::int64_t> start;  ///< (N,): the first step of a row's own
  std::vector<std::int64_t> stem;   ///< (N,): which row made those before
};

/// Empty where that saves too little. For rows of T steps each, with ids.
Beginnings find_beginnings(const Positions& positions, const Input& input);

}  // namespace tidegate
