// What a layer's backward sums over positions: the gradients of weights and
// biases, and of the input. They are made a chunk at a time, as tasks dealt out
// by what they write; with ids the input's products come at the end, over
// distinct tokens.
#pragma once

#include "kernels/cells.hpp"
#include "kernels/gate_gradients.hpp"
#include "kernels/gradients.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class Sums {
 public:
  Sums(const BackwardCall& call, const Plan& plan, Carver& carver)
      : call_(call),
        plan_(plan),
        H_(call.shape.hidden_size),
        I_(call.shape.input_size),
        padded_(padded_units<R>(H_)),
        has_ids_(call.input.ids != nullptr),
        ih_panels_(back_panels<R>(I_)) {
    const Index all = plan.base[plan.num_steps];
    capacity_ = least(greatest(kChunkPositions, plan.num_rows), all);
    bias_ = carver.take<R>(round_up(kSegments.total * H_, kWidth<R>));
    constexpr Index kLanes = kBackVectors * kWidth<R>;
    packs_ih_ = wants_input() && (all > kFewPositions || I_ % kLanes != 0);
    if (packs_ih_) {
      ih_ = carver.take<R>(ih_panels_ * kLanes * kSegments.input_count * H_);
    }
    gates_ = take_matrix<R>(carver, capacity_, kSegments.total * H_);
    h_ = take_matrix<R>(carver, capacity_, padded_);
    if (kTwo) reset_ = take_matrix<R>(carver, capacity_, padded_);
    const Index sources =
        has_ids_ ? least(kChunkPositions, plan.num_distinct) : capacity_;
    x_ = take_matrix<R>(carver, sources, round_up(I_, kWidth<R>));
    const Index pointers = greatest(capacity_, sources);
    gate_rows_ = carver.take<const R*>(pointers);
    input_rows_ = carver.take<R*>(pointers);
    if (has_ids_) {
      sums_ =
          take_matrix<R>(carver, plan.num_distinct, kSegments.input_count * H_);
    }
  }

  /// Positions of a chunk, at most.
  Index capacity() const { return capacity_; }

  void begin(ParallelFor parallel_for) {
    zero<R>(bias_, round_up(kSegments.total * H_, kWidth<R>));
    const auto* weight_ih = static_cast<const R*>(call_.weights.weight_ih);
    auto pack = [&](Index panel) {
      pack_back_panel(weight_ih, H_, I_, kSegments.input_gate,
                      kSegments.input_count, panel, ih_);
    };
    parallel(parallel_for, packs_ih_ ? ih_panels_ : 0, kGates * H_ * I_, pack);
    if (!has_ids_) return;
    constexpr Index kRowsAtOnce = 256;
    auto clear = [&](Index task) {
      const Index first = task * kRowsAtOnce;
      zero<R>(sums_.data + first * sums_.stride,
              least(kRowsAtOnce, plan_.num_distinct - first) * sums_.stride);
    };
    parallel(parallel_for, pieces(plan_.num_distinct, kRowsAtOnce),
             plan_.num_distinct * sums_.stride, clear);
  }

  /// Room for the gate gradients of a position of the chunk, (segments, H).
  R* gates(Index p) {
    R* to = gates_.data + p * gates_.stride;
    gate_rows_[p] = to;
    return to;
  }

  /// The state before a position, and its input, which the weights multiplied.
  void keep(Index rank, Index step, Index p, const R* h) {
    copy_padded(h_.data + p * h_.stride, h, H_, padded_);
    if (!has_ids_) keep_input(rank, step, p);
  }

  /// Room for what the candidate's weights multiplied, r * h; reset before.
  R* reset(Index p) const { return reset_.data + p * reset_.stride; }

  /// Add a chunk's products: tasks of several kinds, all free of each other.
  void add(ParallelFor parallel_for, Index positions,
           const std::int32_t* slots) {
    const Index per_segment = pieces(H_, kTaskUnits);
    const Index hidden = call_.grad_weight_hh == nullptr
                             ? 0
                             : kSegments.hidden_count * per_segment;
    const Index input =
        has_ids_ ? pieces(kSegments.input_count * H_, kTaskColumns)
        : call_.grad_weight_ih == nullptr ? 0
                                          : kSegments.input_count * per_segment;
    // Few positions are cut by columns, so that there is a part for everyone.
    const Index input_parts =
        positions > kTaskPositions ? 1 : least(plan_.num_threads, ih_panels_);
    const Index vectors = has_ids_ || call_.grad_input == nullptr
                              ? 0
                              : pieces(positions, kTaskPositions) * input_parts;
    const Index biases =
        wants_biases() ? pieces(kSegments.total * H_, kTaskColumns) : 0;
    auto task = [&](Index index) {
      if (index < hidden) {
        return sum_hidden(index / per_segment, index % per_segment, positions);
      }
      index -= hidden;
      if (index < input) {
        return has_ids_ ? sum_tokens(index, positions, slots)
                        : sum_input(index / per_segment, index % per_segment,
                                    gates_, 0, positions, adds_);
      }
      index -= input;
      if (index < vectors) {
        const Index first = index / input_parts * kTaskPositions;
        const Index part = index % input_parts;
        return back_product<R>(
            gate_rows_ + first, least(kTaskPositions, positions - first),
            input_weights(), call_.add_to_grad_input, input_rows_ + first, I_,
            {part * ih_panels_ / input_parts,
             (part + 1) * ih_panels_ / input_parts});
      }
      index -= vectors;
      const Index begin = index * kTaskColumns;
      sum_positions<R>(part(gates_, 0, 0), positions, begin,
                       least(begin + kTaskColumns, kSegments.total * H_),
                       bias_);
    };
    parallel(parallel_for, hidden + input + vectors + biases,
             positions * kGates * H_ * (H_ + I_), task);
    adds_ = true;
  }

  /// What is left when all chunks were added.
  void finish(ParallelFor parallel_for) {
    if (has_ids_) {
      tokens_back(parallel_for);
    } else if (!adds_) {
      zero<R>(call_.grad_weight_ih, kGates * H_ * I_);
    }
    if (!adds_) zero<R>(call_.grad_weight_hh, kGates * H_ * H_);
    write_bias(call_.grad_bias_ih, kSegments.input_gate, kSegments.input_first,
               kSegments.input_count);
    write_bias(call_.grad_bias_hh, kSegments.hidden_gate,
               kSegments.hidden_first, kSegments.hidden_count);
  }

 private:
  static constexpr bool kTwo = C == Cell::gru_before;
  static constexpr Segments kSegments = segments(C);
  static constexpr Index kGates = num_gates(C);
  // Gate gradients kept at a time: some blocks of the sums, and still in a
  // second-level cache or near it when they are read again. (Twice as many took
  // 7 % longer at H 128 with 1 MiB of it.)
  static constexpr Index kChunkPositions = 4 * kBlock;
  static constexpr Index kTaskUnits = 64;
  static constexpr Index kTaskColumns = 64;  // whole vectors
  static constexpr Index kTaskPositions = 64;

  BackWeights<R> input_weights() const {
    constexpr Index kCount = kSegments.input_count;
    if (packs_ih_) return packed_weights<R>(ih_, kCount * H_);
    return plain_weights(static_cast<const R*>(call_.weights.weight_ih), H_, I_,
                         kSegments.input_gate, kCount);
  }

  bool wants_input() const {
    return has_ids_ ? call_.grad_table_rows != nullptr
                    : call_.grad_input != nullptr;
  }
  bool wants_biases() const {
    return call_.grad_bias_ih != nullptr || call_.grad_bias_hh != nullptr;
  }

  void keep_input(Index rank, Index step, Index p) {
    const Index here = position(call_.positions, plan_, rank, step);
    if (call_.grad_weight_ih != nullptr) {
      copy_padded(x_.data + p * x_.stride,
                  static_cast<const R*>(call_.input.vectors) +
                      here * call_.input.stride,
                  I_, round_up(I_, kWidth<R>));
    }
    if (call_.grad_input != nullptr) {
      input_rows_[p] =
          static_cast<R*>(call_.grad_input) + here * call_.grad_input_stride;
    }
  }

  void sum_hidden(Index segment, Index task, Index positions) const {
    const Index gate = kSegments.hidden_gate[segment];
    const Index begin = task * kTaskUnits;
    outer_product<R>(part(gates_, 0, (kSegments.hidden_first + segment) * H_),
                     part(kTwo && gate == 2 ? reset_ : h_, 0, 0), positions,
                     adds_,
                     static_cast<R*>(call_.grad_weight_hh) + gate * H_ * H_, H_,
                     begin, least(begin + kTaskUnits, H_));
  }

  // gates: rows of gate gradients whose sources stand in x_ from row 0 on.
  void sum_input(Index segment, Index task, Matrix<R> gates, Index row,
                 Index positions, bool adds) const {
    const Index gate = kSegments.input_gate[segment];
    const Index begin = task * kTaskUnits;
    outer_product<R>(part(gates, row, segment * H_), part(x_, 0, 0), positions,
                     adds,
                     static_cast<R*>(call_.grad_weight_ih) + gate * H_ * I_, I_,
                     begin, least(begin + kTaskUnits, H_));
  }

  void sum_tokens(Index task, Index positions,
                  const std::int32_t* slots) const {
    const Index begin = task * kTaskColumns;
    const Index end = least(begin + kTaskColumns, kSegments.input_count * H_);
    for (Index p = 0; p < positions; ++p) {
      const R* from = gates_.data + p * gates_.stride;
      R* to = sums_.data + slots[p] * sums_.stride;
      for (Index unit = begin; unit < end; unit += kWidth<R>) {
        store(to + unit, load(to + unit) + load(from + unit));
      }
    }
  }

  // With ids: what is left of the input's products, over distinct tokens.
  void tokens_back(ParallelFor parallel_for) {
    const Index K = plan_.num_distinct;
    const auto* table = static_cast<const R*>(call_.input.table);
    const Index per_segment = pieces(H_, kTaskUnits);
    if (K == 0) zero<R>(call_.grad_weight_ih, kGates * H_ * I_);
    for (Index first = 0; first < K; first += kChunkPositions) {
      const Index count = least(kChunkPositions, K - first);
      const Index parts = pieces(count, kTaskPositions);
      auto gather = [&](Index part) {
        const Index begin = part * kTaskPositions;
        const Index end = least(begin + kTaskPositions, count);
        for (Index k = begin; k < end; ++k) {
          const Index id = plan_.distinct[first + k];
          copy_padded(x_.data + k * x_.stride, table + id * I_, I_,
                      round_up(I_, kWidth<R>));
          gate_rows_[k] = sums_.data + (first + k) * sums_.stride;
          if (call_.grad_table_rows == nullptr) continue;
          call_.grad_table_ids[first + k] = id;
          input_rows_[k] =
              static_cast<R*>(call_.grad_table_rows) + (first + k) * I_;
        }
        if (call_.grad_table_rows == nullptr) return;
        back_product<R>(gate_rows_ + begin, end - begin, input_weights(), false,
                        input_rows_ + begin, I_, {0, ih_panels_});
      };
      parallel(parallel_for, parts, count * kGates * H_ * I_, gather);
      if (call_.grad_weight_ih == nullptr) continue;
      auto sum = [&](Index index) {
        sum_input(index / per_segment, index % per_segment, sums_, first, count,
                  first > 0);
      };
      parallel(parallel_for, kSegments.input_count * per_segment,
               count * kGates * H_ * I_, sum);
    }
  }

  void write_bias(void* to, const int* gate_of, Index first,
                  Index count) const {
    if (to == nullptr) return;
    for (Index segment = 0; segment < count; ++segment) {
      __builtin_memcpy(static_cast<R*>(to) + gate_of[segment] * H_,
                       bias_ + (first + segment) * H_,
                       static_cast<std::size_t>(H_) * sizeof(R));
    }
  }

  const BackwardCall& call_;
  const Plan& plan_;
  Index H_;
  Index I_;
  Index padded_;
  bool has_ids_;
  bool packs_ih_ = true;
  bool adds_ = false;  // whether the weights' gradients hold earlier chunks
  Index ih_panels_;
  Index capacity_ = 0;
  R* bias_ = nullptr;
  R* ih_ = nullptr;
  Matrix<R> gates_{};  // a row a position of the chunk
  Matrix<R> h_{};      // the state before, which the weights multiplied
  Matrix<R> reset_{};  // r times it; reset before
  Matrix<R> x_{};      // the input; with ids, of distinct tokens
  Matrix<R> sums_{};   // with ids: gate gradients summed by token
  const R** gate_rows_ = nullptr;
  R** input_rows_ = nullptr;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
