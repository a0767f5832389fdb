#include "engine/load_balance.hpp"

#include <algorithm>

namespace tidegate {
namespace {

using Ranks = std::span<const std::int64_t>;
using Blocks = std::vector<std::vector<std::int64_t>>;

std::int64_t steps(const BatchPlan& plan, std::int64_t rank) {
  return plan.length[rank] - plan.start[rank];
}

std::int64_t work(const BatchPlan& plan, Ranks ranks) {
  std::int64_t sum = 0;
  // One step more: a row costs something even without any.
  for (const auto rank : ranks) sum += steps(plan, rank) + 1;
  return sum;
}

// Each leader with its rows, those with most to do first.
Blocks families(const BatchPlan& plan, Ranks leader_rank, Ranks ranks) {
  Blocks found;
  std::vector<std::size_t> block_of(static_cast<std::size_t>(plan.num_rows));
  for (const auto rank : ranks) {  // a leader's is below those of its rows
    const auto leader =
        static_cast<std::size_t>(leader_rank[static_cast<std::size_t>(rank)]);
    if (static_cast<std::int64_t>(leader) == rank) {
      block_of[leader] = found.size();
      found.emplace_back();
    }
    found[block_of[leader]].push_back(rank);
  }
  std::ranges::stable_sort(found, [&](const auto& a, const auto& b) {
    return work(plan, a) > work(plan, b);
  });
  return found;
}

// Ranks that follow each other. Rows of one length are cut in even parts:
// neighbours in memory stay together, and whole tiles of 6 would leave two
// threads with 18 and 14 of 32.
Blocks runs(const BatchPlan& plan, Ranks ranks, std::size_t parts) {
  Blocks found;
  const auto count = ranks.size();
  const bool is_even =
      count > 0 && steps(plan, ranks.front()) == steps(plan, ranks.back());
  const std::size_t size = is_even
                               ? (count + parts - 1) / parts
                               : std::max<std::size_t>(count / (8 * parts), 1);
  for (std::size_t first = 0; first < count; first += size) {
    const auto block = ranks.subspan(first, std::min(size, count - first));
    found.emplace_back(block.begin(), block.end());
  }
  return found;
}

}  // namespace

// Blocks, the longest first, each to the part that has the least to do.
void deal(const BatchPlan& plan, Ranks leader_rank, Ranks ranks, std::int64_t parts,
          std::vector<std::int64_t>& begin, std::vector<std::int64_t>& dealt) {
  const auto count = static_cast<std::size_t>(parts);
  std::vector<std::vector<std::int64_t>> members(count);
  std::vector<std::int64_t> sums(count, 0);
  for (const auto& block : plan.joins ? families(plan, leader_rank, ranks)
                                      : runs(plan, ranks, count)) {
    const auto least =
        static_cast<std::size_t>(std::ranges::min_element(sums) - sums.begin());
    members[least].insert(members[least].end(), block.begin(), block.end());
    sums[least] += work(plan, block);
  }
  if (begin.empty()) begin.push_back(0);
  for (auto& part : members) {
    std::ranges::sort(part);
    dealt.insert(dealt.end(), part.begin(), part.end());
    begin.push_back(static_cast<std::int64_t>(dealt.size()));
  }
}

}  // namespace tidegate
