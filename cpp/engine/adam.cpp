#include "engine/adam.hpp"

#include <algorithm>
#include <vector>

#include "engine/adam_numbers.hpp"
#include "engine/kernels.hpp"
#include "engine/parallel.hpp"

namespace tidegate {
namespace {

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
