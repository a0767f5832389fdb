#include "engine/shared_prefix.hpp"

#include <algorithm>
#include <numeric>

namespace tidegate {
namespace {

// Few enough to be dealt evenly, as a leader and its rows stay together.
constexpr std::size_t kRowsOfLeader = 8;
// Of all positions, the part that it must save.
constexpr std::int64_t kWorth = 16;

}  // namespace

SharedPrefixes find_shared_prefixes(const Positions& positions,
                                    const std::int64_t* ids, bool reverse) {
  const auto rows = static_cast<std::size_t>(positions.num_rows);
  const auto steps = positions.num_steps;
  if (rows < 2 || steps < 2) return {};
  const auto id_at = [&](std::size_t row, std::int64_t step) {
    const auto t = reverse ? steps - 1 - step : step;
    return ids[positions.row_offset[row] + positions.step_offset[t]];
  };
  std::vector<std::int64_t> run(rows, 1);
  for (std::size_t n = 0; n < rows; ++n) {
    // Every row makes its last step itself.
    while (run[n] < steps - 1 && id_at(n, run[n]) == id_at(n, 0)) ++run[n];
  }
  const auto longest = std::ranges::max_element(run) - run.begin();
  const auto token = id_at(static_cast<std::size_t>(longest), 0);
  std::vector<std::size_t> alike;
  for (std::size_t n = 0; n < rows; ++n) {
    if (id_at(n, 0) == token) alike.push_back(n);
  }
  std::ranges::stable_sort(
      alike, [&](std::size_t a, std::size_t b) { return run[a] > run[b]; });
  SharedPrefixes prefixes;
  prefixes.start.assign(rows, 0);
  prefixes.leader.resize(rows);
  std::iota(prefixes.leader.begin(), prefixes.leader.end(), 0);
  std::int64_t saved = 0;
  for (std::size_t k = 0; k < alike.size(); ++k) {
    if (k % kRowsOfLeader == 0) continue;
    const auto row = alike[k];
    prefixes.start[row] = run[row];
    prefixes.leader[row] = static_cast<std::int64_t>(alike[k - k % kRowsOfLeader]);
    saved += run[row];
  }
  if (saved < positions.num_rows * steps / kWorth) return {};
  return prefixes;
}

}  // namespace tidegate
