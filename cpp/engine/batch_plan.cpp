#include "engine/batch_plan.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "engine/cell_sizes.hpp"
#include "engine/load_balance.hpp"
#include "engine/pool.hpp"
#include "engine/shared_prefix.hpp"

namespace tidegate {

BatchPlanner::BatchPlanner(const PlanCall& call, bool reverse)
    : plan_{.shape = call.shape,
            .positions = call.positions,
            .tokens = call.tokens,
            .has_state = call.has_state,
            .reverse = reverse} {
  rank_rows();
  if (may_share_prefixes(call)) share_prefixes();
  group_rows();
  number_positions();
  if (call.tokens.ids != nullptr) number_tokens();
  share_rows();
}

BatchPlanner::BatchPlanner(const BatchPlanner& forwards)
    : plan_(forwards.plan_) {
  plan_.reverse = true;
  if (plan_.slot == nullptr) return;
  slot_.resize(static_cast<std::size_t>(plan_.num_positions));
  for (std::int64_t g = 0; g < plan_.num_groups; ++g) {
    const std::int64_t* base = plan_.base + g * (plan_.num_steps + 1);
    const std::int64_t* ranks = plan_.group_member + plan_.group_begin[g];
    for (std::int64_t step = 0; step < plan_.num_steps; ++step) {
      for (std::int64_t i = 0; i < base[step + 1] - base[step]; ++i) {
        const std::int64_t t = plan_.length[ranks[i]] - 1 - step;
        slot_[static_cast<std::size_t>(base[step] + i)] =
            plan_.slot[base[t] + i];
      }
    }
  }
  plan_.slot = slot_.data();
}

void BatchPlanner::rank_rows() {
  const Positions& positions = plan_.positions;
  const auto rows = static_cast<std::size_t>(positions.num_rows);
  row_.resize(rows);
  std::iota(row_.begin(), row_.end(), 0);
  length_.assign(rows, positions.num_steps);
  if (positions.lengths != nullptr) {
    const auto* lengths = positions.lengths;
    for (std::size_t n = 0; n < rows; ++n) {
      if (lengths[n] < 0 || lengths[n] > positions.num_steps) {
        throw std::invalid_argument("engine: expected lengths from 0 to T = " +
                                    std::to_string(positions.num_steps) +
                                    ", got " + std::to_string(lengths[n]) +
                                    " for row " + std::to_string(n));
      }
    }
    std::ranges::stable_sort(
        row_, [lengths](auto a, auto b) { return lengths[a] > lengths[b]; });
    for (std::size_t k = 0; k < rows; ++k) length_[k] = lengths[row_[k]];
  }
  start_.assign(rows, 0);
  leader_rank_.resize(rows);
  std::iota(leader_rank_.begin(), leader_rank_.end(), 0);
  plan_.num_rows = positions.num_rows;
  plan_.num_steps = rows == 0 ? 0 : length_.front();
  plan_.row = row_.data();
  plan_.length = length_.data();
  plan_.start = start_.data();
}

void BatchPlanner::share_prefixes() {
  const SharedPrefixes prefixes = find_shared_prefixes(
      plan_.positions, plan_.tokens.ids, plan_.reverse);
  if (prefixes.start.empty()) return;
  const auto start = [&](std::int64_t row) {
    return prefixes.start[static_cast<std::size_t>(row)];
  };
  std::ranges::stable_sort(row_,
                           [&](auto a, auto b) { return start(a) < start(b); });
  std::vector<std::int64_t> rank(row_.size());
  for (std::size_t k = 0; k < row_.size(); ++k) {
    rank[static_cast<std::size_t>(row_[k])] = static_cast<std::int64_t>(k);
  }
  for (std::size_t k = 0; k < row_.size(); ++k) {
    start_[k] = start(row_[k]);
    leader_rank_[k] = rank[static_cast<std::size_t>(
        prefixes.leader[static_cast<std::size_t>(row_[k])])];
  }
  plan_.joins = true;
}

// As many as stay whole tiles of rows and sums that are small beside the
// products and fit a second-level cache.
void BatchPlanner::group_rows() {
  const Shape& shape = plan_.shape;
  const bool has_ids = plan_.tokens.ids != nullptr;
  constexpr std::int64_t kMostGroups = 4;
  constexpr std::int64_t kGroupPositions = 512;
  constexpr std::int64_t kSumBytes = 1 << 20;
  const auto gates = kCellSizes[static_cast<std::size_t>(shape.cell)].gates;
  const std::int64_t columns =
      shape.hidden_size + (has_ids ? 0 : shape.input_size);
  const std::int64_t bytes = shape.dtype == Dtype::float32 ? 4 : 8;
  const std::int64_t rows = plan_.num_rows;
  std::int64_t groups = rows >= 128 ? kMostGroups : rows >= 16 ? 2 : 1;
  if (has_ids) groups = std::min<std::int64_t>(groups, 2);
  // Divisions: sizes may be as large as they like.
  if (shape.hidden_size >
      kSumBytes / bytes / gates / std::max<std::int64_t>(columns, 1)) {
    groups = 1;
  }
  for (std::int64_t rank = 0; rank < rows; ++rank) {
    plan_.num_positions += plan_.length[rank] - plan_.start[rank];
  }
  while (groups > 1 && plan_.num_positions < groups * kGroupPositions) {
    groups /= 2;
  }
  // The kernels share one step among threads in another way.
  if (plan_.num_steps == 1) groups = 1;
  std::vector<std::int64_t> ranks(static_cast<std::size_t>(rows));
  std::iota(ranks.begin(), ranks.end(), 0);
  deal(plan_, leader_rank_, ranks, groups, group_begin_, group_member_);
  plan_.num_groups = groups;
  plan_.group_begin = group_begin_.data();
  plan_.group_member = group_member_.data();
}

// By group, so that what a thread reads and writes of them is in one piece.
void BatchPlanner::number_positions() {
  base_.reserve(
      static_cast<std::size_t>(plan_.num_groups * (plan_.num_steps + 1)));
  std::int64_t sum = 0;
  for (std::int64_t g = 0; g < plan_.num_groups; ++g) {
    const std::span group(group_member_.data() + group_begin_[g],
                          group_member_.data() + group_begin_[g + 1]);
    std::size_t active = 0;
    for (std::int64_t step = 0; step < plan_.num_steps; ++step) {
      const auto makes = [&](std::size_t i) {
        return plan_.start[group[i]] <= step && step < plan_.length[group[i]];
      };
      while (active > 0 && !makes(active - 1)) --active;
      while (active < group.size() && makes(active)) ++active;
      base_.push_back(sum);
      sum += static_cast<std::int64_t>(active);
    }
    base_.push_back(sum);
  }
  plan_.base = base_.data();
}

// Rows of a group go to as many shares as keep all threads busy.
void BatchPlanner::share_rows() {
  const Shape& shape = plan_.shape;
  // A thread is worth waking for some microseconds of multiply-adds.
  constexpr double kWorthThread = 1e5;
  const double total = static_cast<double>(plan_.num_positions) *
                       static_cast<double>(shape.hidden_size) *
                       static_cast<double>(shape.hidden_size);
  const auto worth = static_cast<std::int64_t>(
      std::clamp(total / kWorthThread, 1.0, static_cast<double>(kMaxThreads)));
  plan_.num_threads = num_threads();
  const std::int64_t groups = plan_.num_groups;
  const std::int64_t a_group =
      plan_.num_steps == 1
          ? 1
          : std::max<std::int64_t>(
                std::min(
                    {plan_.num_threads / std::gcd(plan_.num_threads, groups),
                     worth / groups, plan_.num_rows / groups}),
                1);
  for (std::size_t g = 0; g + 1 < group_begin_.size(); ++g) {
    const std::span group(group_member_.data() + group_begin_[g],
                          group_member_.data() + group_begin_[g + 1]);
    deal(plan_, leader_rank_, group, a_group, share_begin_, member_);
    for (auto m = static_cast<std::size_t>(group_begin_[g]); m < member_.size();
         ++m) {
      place_.push_back(std::ranges::lower_bound(group, member_[m]) -
                       group.begin());
    }
  }
  std::vector<std::int64_t> member_of(member_.size());
  for (std::size_t m = 0; m < member_.size(); ++m) {
    member_of[static_cast<std::size_t>(member_[m])] =
        static_cast<std::int64_t>(m);
  }
  leader_.resize(member_.size());
  for (std::size_t m = 0; m < member_.size(); ++m) {
    leader_[m] = member_of[static_cast<std::size_t>(
        leader_rank_[static_cast<std::size_t>(member_[m])])];
  }
  plan_.leader = leader_.data();
  plan_.num_shares = groups * a_group;
  plan_.share_begin = share_begin_.data();
  plan_.member = member_.data();
  plan_.place = place_.data();
}

// A bit a token, and the number of bits set before each word: a token's number
// among those that occur is then a sum of two, and their order is ascending.
void BatchPlanner::number_tokens() {
  const Positions& positions = plan_.positions;
  const std::int64_t V = plan_.tokens.num_embeddings;
  std::vector<std::uint64_t> occurs(static_cast<std::size_t>(V) / 64 + 1);
  if (plan_.num_positions > std::numeric_limits<std::int32_t>::max()) {
    throw std::overflow_error("engine: expected fewer than 2^31 tokens, got " +
                              std::to_string(plan_.num_positions));
  }
  std::vector<std::int64_t> ids;  // by position
  ids.reserve(static_cast<std::size_t>(plan_.num_positions));
  for (std::int64_t g = 0; g < plan_.num_groups; ++g) {
    const std::int64_t* base = plan_.base + g * (plan_.num_steps + 1);
    for (std::int64_t step = 0; step < plan_.num_steps; ++step) {
      const std::int64_t* rank = plan_.group_member + plan_.group_begin[g];
      for (auto p = base[step]; p < base[step + 1]; ++p, ++rank) {
        const auto t =
            plan_.reverse ? plan_.length[*rank] - 1 - step : step;
        const auto row = plan_.row[*rank];
        const auto id =
            plan_.tokens.ids[positions.row_offset[row] + positions.step_offset[t]];
        if (id < 0 || id >= V) {
          throw std::out_of_range("engine: expected tokens from 0 to V - 1 = " +
                                  std::to_string(V - 1) + ", got " +
                                  std::to_string(id) + " in row " +
                                  std::to_string(row));
        }
        occurs[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1}
                                                     << (id % 64);
        ids.push_back(id);
      }
    }
  }
  std::vector<std::int32_t> before(occurs.size());
  for (std::size_t word = 0; word < occurs.size(); ++word) {
    before[word] = static_cast<std::int32_t>(distinct_.size());
    for (auto bits = occurs[word]; bits != 0; bits &= bits - 1) {
      distinct_.push_back(static_cast<std::int64_t>(64 * word) +
                          std::countr_zero(bits));
    }
  }
  slot_.reserve(ids.size());
  for (const auto id : ids) {
    const auto word = static_cast<std::size_t>(id) / 64;
    const auto below = occurs[word] & ((std::uint64_t{1} << (id % 64)) - 1);
    slot_.push_back(before[word] + std::popcount(below));
  }
  plan_.num_distinct = static_cast<std::int64_t>(distinct_.size());
  plan_.distinct = distinct_.data();
  plan_.slot = slot_.data();
}

}  // namespace tidegate
