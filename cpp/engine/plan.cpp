#include "engine/plan.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "engine/pool.hpp"

namespace tidegate {

PlanOwner::PlanOwner(const Shape& shape, const Positions& positions,
                     const Input& input) {
  rank_rows(positions);
  count_positions();
  if (input.ids != nullptr) number_tokens(positions, input);
  group_rows(shape, input.ids != nullptr);
  share_rows(shape);
}

void PlanOwner::rank_rows(const Positions& positions) {
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
  plan_.num_rows = positions.num_rows;
  plan_.num_steps = rows == 0 ? 0 : length_.front();
  plan_.row = row_.data();
  plan_.length = length_.data();
}

void PlanOwner::count_positions() {
  base_.resize(static_cast<std::size_t>(plan_.num_steps) + 1);
  std::int64_t active = plan_.num_rows;
  std::int64_t sum = 0;
  for (std::int64_t step = 0; step < plan_.num_steps; ++step) {
    while (length_[static_cast<std::size_t>(active - 1)] <= step) --active;
    base_[static_cast<std::size_t>(step)] = sum;
    sum += active;
  }
  base_.back() = sum;
  plan_.base = base_.data();
}

// Blocks of rows, the longest first, each to the part that has the least to do.
// Rows of one length are cut in even parts: neighbours in memory stay together,
// and whole tiles of 6 would leave two threads with 18 and 14 of 32.
void PlanOwner::deal(std::span<const std::int64_t> ranks, std::int64_t parts,
                     std::vector<std::int64_t>& begin,
                     std::vector<std::int64_t>& dealt) const {
  const auto rows = static_cast<std::int64_t>(ranks.size());
  const auto length = [&](std::int64_t k) {
    return length_[static_cast<std::size_t>(
        ranks[static_cast<std::size_t>(k)])];
  };
  const bool is_even = rows > 0 && length(0) == length(rows - 1);
  const std::int64_t block =
      is_even ? (rows + parts - 1) / parts
              : std::max<std::int64_t>(rows / (8 * parts), 1);
  std::vector<std::vector<std::int64_t>> members(
      static_cast<std::size_t>(parts));
  std::vector<std::int64_t> work(static_cast<std::size_t>(parts), 0);
  for (std::int64_t first = 0; first < rows; first += block) {
    const auto least =
        static_cast<std::size_t>(std::ranges::min_element(work) - work.begin());
    for (auto k = first; k < std::min(first + block, rows); ++k) {
      members[least].push_back(ranks[static_cast<std::size_t>(k)]);
      // One step more: a row costs something even without any.
      work[least] += length(k) + 1;
    }
  }
  if (begin.empty()) begin.push_back(0);
  for (const auto& part : members) {
    dealt.insert(dealt.end(), part.begin(), part.end());
    begin.push_back(static_cast<std::int64_t>(dealt.size()));
  }
}

// As many as stay whole tiles of rows and sums that are small beside the
// products and fit a second-level cache.
void PlanOwner::group_rows(const Shape& shape, bool has_ids) {
  constexpr std::int64_t kMostGroups = 4;
  constexpr std::int64_t kGroupPositions = 512;
  constexpr std::int64_t kSumBytes = 1 << 20;
  const std::int64_t gates = shape.cell == Cell::lstm         ? 4
                             : shape.cell == Cell::gru_after  ? 3
                             : shape.cell == Cell::gru_before ? 3
                                                              : 1;
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
  while (groups > 1 && base_.back() < groups * kGroupPositions) groups /= 2;
  std::vector<std::int64_t> ranks(static_cast<std::size_t>(rows));
  std::iota(ranks.begin(), ranks.end(), 0);
  deal(ranks, groups, group_begin_, group_member_);
  plan_.num_groups = groups;
  plan_.group_begin = group_begin_.data();
  plan_.group_member = group_member_.data();
}

// Rows of a group go to as many shares as keep all threads busy.
void PlanOwner::share_rows(const Shape& shape) {
  // A thread is worth waking for some microseconds of multiply-adds.
  constexpr double kWorthThread = 1e5;
  const double total = static_cast<double>(base_.back()) *
                       static_cast<double>(shape.hidden_size) *
                       static_cast<double>(shape.hidden_size);
  const auto worth = static_cast<std::int64_t>(
      std::clamp(total / kWorthThread, 1.0, static_cast<double>(kMaxThreads)));
  plan_.num_threads = num_threads();
  const std::int64_t groups = plan_.num_groups;
  // The kernels share one step among threads in another way.
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
    deal(group, a_group, share_begin_, member_);
    for (auto m = static_cast<std::size_t>(group_begin_[g]); m < member_.size();
         ++m) {
      place_.push_back(std::ranges::lower_bound(group, member_[m]) -
                       group.begin());
    }
  }
  plan_.num_shares = groups * a_group;
  plan_.share_begin = share_begin_.data();
  plan_.member = member_.data();
  plan_.place = place_.data();
}

// A bit a token, and the number of bits set before each word: a token's number
// among those that occur is then a sum of two, and their order is ascending.
void PlanOwner::number_tokens(const Positions& positions, const Input& input) {
  const std::int64_t V = input.num_embeddings;
  std::vector<std::uint64_t> occurs(static_cast<std::size_t>(V) / 64 + 1);
  slot_.resize(static_cast<std::size_t>(base_.back()));
  if (static_cast<std::int64_t>(slot_.size()) >
      std::numeric_limits<std::int32_t>::max()) {
    throw std::overflow_error("engine: expected fewer than 2^31 tokens, got " +
                              std::to_string(slot_.size()));
  }
  const auto id_at = [&](std::int64_t rank, std::int64_t step) {
    const auto t = positions.reverse ? plan_.length[rank] - 1 - step : step;
    return input
        .ids[positions.row_offset[plan_.row[rank]] + positions.step_offset[t]];
  };
  for (std::int64_t step = 0; step < plan_.num_steps; ++step) {
    const auto active = plan_.base[step + 1] - plan_.base[step];
    for (std::int64_t rank = 0; rank < active; ++rank) {
      const auto id = id_at(rank, step);
      if (id < 0 || id >= V) {
        throw std::out_of_range("engine: expected tokens from 0 to V - 1 = " +
                                std::to_string(V - 1) + ", got " +
                                std::to_string(id) + " in row " +
                                std::to_string(plan_.row[rank]));
      }
      occurs[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1}
                                                   << (id % 64);
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
  for (std::int64_t step = 0; step < plan_.num_steps; ++step) {
    const auto begin = plan_.base[step];
    for (std::int64_t p = begin; p < plan_.base[step + 1]; ++p) {
      const auto id = id_at(p - begin, step);
      const auto word = static_cast<std::size_t>(id) / 64;
      const auto below = occurs[word] & ((std::uint64_t{1} << (id % 64)) - 1);
      slot_[static_cast<std::size_t>(p)] = before[word] + std::popcount(below);
    }
  }
  plan_.num_distinct = static_cast<std::int64_t>(distinct_.size());
  plan_.distinct = distinct_.data();
  plan_.slot = slot_.data();
}

}  // namespace tidegate
