// Adam on rows of tables.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/adam_numbers.hpp"
#include "engine/kernels.hpp"
#include "engine/parallel.hpp"

namespace tidegate {
namespace {

constexpr std::int64_t kReplayRows = 8;
constexpr std::int64_t kPlaceRows = 16;

void check_id(std::int64_t id, std::int64_t num_rows) {
  if (id >= 0 && id < num_rows) return;
  throw std::out_of_range("Adam: expected ids from 0 to V - 1 = " +
                          std::to_string(num_rows - 1) + ", got " +
                          std::to_string(id));
}

struct Behind {
  std::int64_t row;
  std::int64_t step;  // the last that it has made
};

// The rows that have steps to make up for, marked as having made them: an id
// that stands twice is then met once.
std::vector<Behind> claim(const AdamTable& table, const std::int64_t* ids,
                          std::int64_t num_ids, std::int64_t now) {
  std::vector<Behind> behind;
  const std::int64_t count = ids == nullptr ? table.num_rows : num_ids;
  behind.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < num_ids && ids != nullptr; ++i) {
    check_id(ids[i], table.num_rows);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = ids == nullptr ? i : ids[i];
    if (table.row_step[row] == now) continue;
    behind.push_back({row, table.row_step[row]});
    table.row_step[row] = now;
  }
  return behind;
}

// Ids that may repeat, as distinct rows and the places where each stands, in
// order. The rows are marked as having made `step`.
struct PlacesByRow {
  PlacesByRow(const AdamTable& table, const std::int64_t* ids,
              std::int64_t num_ids, std::int64_t step) {
    // Meanwhile a row's step tells its number: -1 - k.
    std::vector<std::int64_t> row_of(static_cast<std::size_t>(num_ids));
    begin.push_back(0);
    for (std::size_t i = 0; i < row_of.size(); ++i) {
      std::int64_t& mark = table.row_step[ids[i]];
      if (mark >= 0) {
        mark = -1 - static_cast<std::int64_t>(rows.size());
        rows.push_back(ids[i]);
        begin.push_back(0);
      }
      row_of[i] = -1 - mark;
      ++begin[static_cast<std::size_t>(row_of[i]) + 1];
    }
    for (std::size_t k = 0; k < rows.size(); ++k) begin[k + 1] += begin[k];
    std::vector<std::int64_t> next = begin;
    places.resize(row_of.size());
    for (std::size_t i = 0; i < row_of.size(); ++i) {
      const auto k = static_cast<std::size_t>(row_of[i]);
      places[static_cast<std::size_t>(next[k]++)] =
          static_cast<std::int64_t>(i);
    }
    for (const auto row : rows) table.row_step[row] = step;
  }

  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> begin;   // of each row's places, and the end
  std::vector<std::int64_t> places;
};

template <class R>
std::vector<AdamWindow<R>> windows_over(const std::vector<AdamNumbers<R>>& all) {
  std::vector<AdamWindow<R>> windows;
  constexpr auto kSteps = static_cast<std::size_t>(kAdamWindow);
  for (std::size_t begin = 0; begin < all.size(); begin += kSteps) {
    AdamWindow<R> w{all[begin].rate, all[begin].scale, all[begin].eps, 1, 1};
    const std::size_t end = std::min(begin + kSteps, all.size());
    for (std::size_t i = begin; i < end; ++i) {
      w.greatest_rate = std::max(w.greatest_rate, std::abs(all[i].rate));
      w.least_scale = std::min(w.least_scale, all[i].scale);
      w.least_eps = std::min(w.least_eps, all[i].eps);
      w.shrink *= std::sqrt(all[i].beta2);
      // A decay that turns the sign settles nothing.
      w.decay *= std::clamp<R>(all[i].decay, 0, 1);
    }
    windows.push_back(w);
  }
  return windows;
}

template <class R>
void replay(const AdamTable& table, const std::vector<Behind>& behind,
            const AdamNumbers<double>* numbers, std::int64_t first,
            std::int64_t now) {
  std::vector<AdamNumbers<R>> steps;
  std::transform(numbers, numbers + (now - first + 1),
                 std::back_inserter(steps), as<R>);
  const auto windows = windows_over(steps);
  const Kernels& kernels = kernels_of(active_isa());
  const auto rows = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::int64_t from = behind[i].row * table.width;
      kernels.adam_replay(table.dtype, at(table.param, table.dtype, from),
                          at(table.m, table.dtype, from),
                          at(table.v, table.dtype, from), table.width,
                          steps.data(), windows.data(),
                          behind[i].step + 1 - first, now - first + 1);
    }
  };
  constexpr std::size_t kRows = kReplayRows;
  // Each makes up for some steps.
  const auto elements =
      8 * static_cast<std::int64_t>(behind.size()) * table.width;
  parallel((behind.size() + kRows - 1) / kRows, elements,
           [&](std::size_t task) {
             rows(task * kRows, std::min((task + 1) * kRows, behind.size()));
           });
}

}  // namespace

void adam_check_rows(const AdamTable& table, const std::int64_t* ids,
                     std::int64_t num_ids, std::int64_t step, bool may_repeat) {
  // Rows seen are marked by -1 and given back their step at the end.
  std::int64_t seen = 0;
  const auto give_back = [&] {
    for (std::int64_t i = 0; i < seen; ++i) table.row_step[ids[i]] = step;
  };
  for (; seen < num_ids; ++seen) {
    const std::int64_t id = ids[seen];
    const bool is_inside = id >= 0 && id < table.num_rows;
    const std::int64_t made = is_inside ? table.row_step[id] : 0;
    if (is_inside && (made == step || (may_repeat && made == -1))) {
      table.row_step[id] = -1;
      continue;
    }
    give_back();
    check_id(id, table.num_rows);
    throw std::invalid_argument(
        made == -1 ? "expected distinct rows, got row " + std::to_string(id) +
                         " twice"
                   : "expected row " + std::to_string(id) + " at step " +
                         std::to_string(step) + ", got it at step " +
                         std::to_string(made));
  }
  give_back();
}

void adam_rows(const AdamTable& table, const std::int64_t* ids,
               std::int64_t num_ids, const void* grad,
               const AdamNumbers<double>& numbers, std::int64_t step) {
  const Kernels& kernels = kernels_of(active_isa());
  const Numbers typed(table.dtype, numbers);
  const std::int64_t rows =
      std::max<std::int64_t>(1, kPiece / std::max<std::int64_t>(1, table.width));
  parallel(static_cast<std::size_t>((num_ids + rows - 1) / rows),
           num_ids * table.width, [&](std::size_t task) {
             const auto begin = static_cast<std::int64_t>(task) * rows;
             for (auto i = begin; i < std::min(begin + rows, num_ids); ++i) {
               const std::int64_t from = ids[i] * table.width;
               kernels.adam_step(
                   table.dtype, at(table.param, table.dtype, from),
                   at(grad, table.dtype, i * table.width),
                   at(table.m, table.dtype, from),
                   at(table.v, table.dtype, from), table.width, typed.get());
               table.row_step[ids[i]] = step;
             }
           });
}

void adam_places(const AdamTable& table, const std::int64_t* ids,
                 std::int64_t num_ids, const void* grad,
                 const AdamNumbers<double>& numbers, std::int64_t step) {
  const PlacesByRow by_row(table, ids, num_ids, step);
  const auto num_rows = static_cast<std::int64_t>(by_row.rows.size());
  const Kernels& kernels = kernels_of(active_isa());
  const Numbers typed(table.dtype, numbers);
  parallel(static_cast<std::size_t>((num_rows + kPlaceRows - 1) / kPlaceRows),
           num_ids * table.width, [&](std::size_t task) {
             const auto begin = static_cast<std::int64_t>(task) * kPlaceRows;
             const auto end = std::min(begin + kPlaceRows, num_rows);
             for (auto k = static_cast<std::size_t>(begin);
                  k < static_cast<std::size_t>(end); ++k) {
               const std::int64_t from = by_row.rows[k] * table.width;
               const std::int64_t first = by_row.begin[k];
               kernels.adam_places(
                   table.dtype, at(table.param, table.dtype, from), grad,
                   at(table.m, table.dtype, from),
                   at(table.v, table.dtype, from), table.width,
                   by_row.places.data() + first, by_row.begin[k + 1] - first,
                   typed.get());
             }
           });
}

void adam_catch_up(const AdamTable& table, const std::int64_t* ids,
                   std::int64_t num_ids, const AdamNumbers<double>* numbers,
                   std::int64_t first, std::int64_t now) {
  const auto behind = claim(table, ids, num_ids, now);
  if (behind.empty()) return;
  if (table.dtype == Dtype::float32) {
    replay<float>(table, behind, numbers, first, now);
  } else {
    replay<double>(table, behind, numbers, first, now);
  }
}

}  // namespace tidegate
