#include "engine/adam.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/kernels.hpp"
#include "engine/parallel.hpp"

namespace tidegate {
namespace {

constexpr std::int64_t kReplayRows = 8;

std::size_t size_of(Dtype dtype) {
  return dtype == Dtype::float32 ? sizeof(float) : sizeof(double);
}

void* at(void* data, Dtype dtype, std::int64_t element) {
  return static_cast<char*>(data) +
         static_cast<std::size_t>(element) * size_of(dtype);
}
const void* at(const void* data, Dtype dtype, std::int64_t element) {
  return at(const_cast<void*>(data), dtype, element);
}

template <class R>
AdamNumbers<R> as(const AdamNumbers<double>& n) {
  return {static_cast<R>(n.decay), static_cast<R>(n.rate),
          static_cast<R>(n.scale), static_cast<R>(n.rest1),
          static_cast<R>(n.beta2), static_cast<R>(n.rest2),
          static_cast<R>(n.eps)};
}

// Numbers in the dtype of the arrays, for kernels that take them untyped.
struct Numbers {
  Numbers(Dtype dtype, const AdamNumbers<double>& numbers)
      : single(as<float>(numbers)), twice(numbers), dtype(dtype) {}
  const void* get() const {
    return dtype == Dtype::float32 ? static_cast<const void*>(&single)
                                   : static_cast<const void*>(&twice);
  }
  AdamNumbers<float> single;
  AdamNumbers<double> twice;
  Dtype dtype;
};

// Consecutive pieces of several arrays.
struct Piece {
  std::size_t part;
  std::int64_t begin;
  std::int64_t count;
};

template <class Part>
std::int64_t elements_of(const Part* parts, std::size_t num_parts) {
  std::int64_t sum = 0;
  for (std::size_t part = 0; part < num_parts; ++part) sum += parts[part].count;
  return sum;
}

template <class Part>
std::vector<Piece> pieces_of(const Part* parts, std::size_t num_parts) {
  std::vector<Piece> pieces;
  for (std::size_t part = 0; part < num_parts; ++part) {
    for (std::int64_t begin = 0; begin < parts[part].count; begin += kPiece) {
      pieces.push_back(
          {part, begin, std::min(kPiece, parts[part].count - begin)});
    }
  }
  return pieces;
}

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

void adam_dense(Dtype dtype, const AdamPart* parts, std::size_t num_parts) {
  const auto pieces = pieces_of(parts, num_parts);
  const Kernels& kernels = kernels_of(active_isa());
  parallel(pieces.size(), elements_of(parts, num_parts),
           [&](std::size_t task) {
    const Piece& piece = pieces[task];
    const AdamPart& part = parts[piece.part];
    const Numbers numbers(dtype, part.numbers);
    kernels.adam_step(dtype, at(part.param, dtype, piece.begin),
                      at(part.grad, dtype, piece.begin),
                      at(part.m, dtype, piece.begin),
                      at(part.v, dtype, piece.begin), piece.count,
                      numbers.get());
  });
}

void adam_check_rows(const AdamTable& table, const std::int64_t* ids,
                     std::int64_t num_ids, std::int64_t step) {
  // Rows seen are marked by -1 and given back their step at the end.
  std::int64_t seen = 0;
  const auto give_back = [&] {
    for (std::int64_t i = 0; i < seen; ++i) table.row_step[ids[i]] = step;
  };
  for (; seen < num_ids; ++seen) {
    const std::int64_t id = ids[seen];
    const bool is_inside = id >= 0 && id < table.num_rows;
    const std::int64_t made = is_inside ? table.row_step[id] : 0;
    if (is_inside && made == step) {
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

double sum_of_squares(Dtype dtype, const Span* spans, std::size_t num_spans) {
  const auto pieces = pieces_of(spans, num_spans);
  const Kernels& kernels = kernels_of(active_isa());
  std::vector<double> sums(pieces.size());
  parallel(pieces.size(), elements_of(spans, num_spans),
           [&](std::size_t task) {
    const Piece& piece = pieces[task];
    sums[task] = kernels.squares(
        dtype, at(spans[piece.part].data, dtype, piece.begin), piece.count);
  });
  double all = 0;
  for (const double sum : sums) all += sum;
  return all;
}

void multiply(Dtype dtype, const Span* spans, std::size_t num_spans,
              double factor) {
  const auto pieces = pieces_of(spans, num_spans);
  const Kernels& kernels = kernels_of(active_isa());
  parallel(pieces.size(), elements_of(spans, num_spans),
           [&](std::size_t task) {
    const Piece& piece = pieces[task];
    kernels.multiply(dtype, at(spans[piece.part].data, dtype, piece.begin),
                     piece.count, factor);
  });
}

}  // namespace tidegate
