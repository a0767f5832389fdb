// Accumulates one row group's weight, bias and input gradients over its
// positions, in chunks, as independent tasks.
#pragma once

#include "kernels/cells.hpp"
#include "kernels/gate_gradients.hpp"
#include "kernels/gradients.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

/// Where a group's sums go; null for those that nobody wants. With ids there
/// are sums by token in place of weight_ih's.
template <class R>
struct GradientSums {
  R* weight_ih = nullptr;
  R* weight_hh = nullptr;
  R* bias = nullptr;   ///< (segments, H) and up to a whole vector
  Matrix<R> tokens{};  ///< (distinct tokens, input segments, H), written for
                       ///< those that the group met
};

/// to = or += from, of whole vectors.
template <class R>
TIDEGATE_INLINE void add_row(R* to, const R* from, Index count, bool adds) {
  for (Index at = 0; at < count; at += kWidth<R>) {
    const Vec<R> x = load(from + at);
    store(to + at, adds ? load(to + at) + x : x);
  }
}

template <class R, Cell C>
class RowGroup {
 public:
  RowGroup(const BackwardCall& call, const BatchPlan& plan, Index group,
            Carver& carver)
      : call_(&call),
        plan_(&plan),
        base_(group_base(plan, group)),
        ranks_(plan.group_member + plan.group_begin[group]),
        count_(plan.group_begin[group + 1] - plan.group_begin[group]),
        H_(plan.shape.hidden_size),
        I_(plan.shape.input_size),
        padded_(padded_units<R>(H_)),
        has_ids_(plan.tokens.ids != nullptr) {
    Index all = 0;
    for (Index i = 0; i < count_; ++i) {
      all += plan.length[ranks_[i]] - plan.start[ranks_[i]];
    }
    start_ = count_ > 0 ? plan.length[ranks_[0]] : 0;
    // A group's chunk stays in the cache of the thread that makes it; one that
    // all threads have a part in is worth their meeting.
    const Index chunk = plan.num_groups > 1 ? kBlock : 4 * kBlock;
    capacity_ = least(greatest(chunk, count_), all);
    gates_ = take_matrix<R>(carver, capacity_, kSegments.total * H_);
    h_ = take_matrix<R>(carver, capacity_, padded_);
    if (kTwo) reset_ = take_matrix<R>(carver, capacity_, padded_);
    if (has_ids_) {
      met_ = carver.take<bool>(plan.num_distinct);
      is_first_ = carver.take<bool>(capacity_);
    } else {
      x_ = take_matrix<R>(carver, capacity_, round_up(I_, kWidth<R>));
      gate_rows_ = carver.take<const R*>(capacity_);
      input_rows_ = carver.take<R*>(capacity_);
    }
  }

  void begin(const GradientSums<R>& to) {
    to_ = to;
    if (to.bias != nullptr) {
      zero<R>(to.bias, round_up(kSegments.total * H_, kWidth<R>));
    }
    for (Index k = 0; has_ids_ && k < plan_->num_distinct; ++k) met_[k] = false;
  }

  /// Goes to the chunk before, of as many steps as there is room for; false
  /// when there is none.
  bool go_back() {
    adds_ = adds_ || positions_ > 0;
    end_ = start_;
    positions_ = 0;
    for (Index active = 0; start_ > 0; --start_) {
      active = count_rows(active, start_ - 1);
      if (positions_ + active > capacity_) break;
      positions_ += active;
    }
    if (has_ids_) meet_tokens();
    return positions_ > 0;
  }

  /// Whether a distinct token stood in any chunk.
  bool has_met(Index token) const { return met_[token]; }

  /// Whether there were chunks, once the last is behind.
  bool has_sums() const { return adds_; }

  /// The chunk's steps, and its positions.
  Index start() const { return start_; }
  Index end() const { return end_; }
  Index positions() const { return positions_; }

  /// Number of the chunk's first position.
  Index first() const { return base_[start_]; }

  /// Number of a position by its place in the group.
  Index number(Index step, Index place) const { return base_[step] + place; }

  /// Rows of the group that make `step`, of which `active` make the next.
  Index count_rows(Index active, Index step) const {
    return count_active(*plan_, ranks_, count_, active, step);
  }

  /// Room for the gate gradients of a position of the chunk, (segments, H).
  R* gates(Index p) const { return gates_.data + p * gates_.stride; }

  /// The state before a position, and its input, which the weights multiplied.
  void keep(Index rank, Index step, Index p, const R* h) {
    copy_padded(h_.data + p * h_.stride, h, H_, padded_);
    if (has_ids_) return;
    const Index here = position(*plan_, rank, step);
    gate_rows_[p] = gates(p);
    if (to_.weight_ih != nullptr) {
      copy_padded(x_.data + p * x_.stride,
                  static_cast<const R*>(call_->input.vectors) +
                      here * call_->input.stride,
                  I_, round_up(I_, kWidth<R>));
    }
    if (call_->grad_input != nullptr) {
      input_rows_[p] =
          static_cast<R*>(call_->grad_input) + here * call_->grad_input_stride;
    }
  }

  /// Room for what the candidate's weights multiplied, r * h; reset before.
  R* reset(Index p) const { return reset_.data + p * reset_.stride; }

  /// The chunk's tasks.
  Index num_tasks() const {
    return positions_ == 0
               ? 0
               : hidden_tasks() + input_tasks() + vector_tasks() + bias_tasks();
  }

  /// weights: the input's, as sums.hpp packs them.
  void run(Index index, const BackWeights<R>& weights) const {
    const Index per_segment = pieces(H_, kTaskUnits);
    if (index < hidden_tasks()) {
      return sum_hidden(index / per_segment, index % per_segment);
    }
    index -= hidden_tasks();
    if (index < input_tasks()) {
      return has_ids_ ? sum_tokens(index)
                      : sum_input(index / per_segment, index % per_segment);
    }
    index -= input_tasks();
    if (index < vector_tasks()) return vectors_back(index, weights);
    index -= vector_tasks();
    const Index begin = index * kTaskColumns;
    sum_positions<R>(part(gates_, 0, 0), positions_, begin,
                     least(begin + kTaskColumns, kSegments.total * H_),
                     to_.bias);
  }

 private:
  static constexpr bool kTwo = C == Cell::gru_before;
  static constexpr Segments kSegments = segments(C);

  Index hidden_tasks() const {
    return to_.weight_hh == nullptr
               ? 0
               : kSegments.hidden_count * pieces(H_, kTaskUnits);
  }
  Index input_tasks() const {
    if (has_ids_) return pieces(kSegments.input_count * H_, kTaskColumns);
    return to_.weight_ih == nullptr
               ? 0
               : kSegments.input_count * pieces(H_, kTaskUnits);
  }
  // Few positions are cut by columns, so that there is a part for everyone.
  Index input_parts() const {
    return positions_ > kTaskPositions
               ? 1
               : least(plan_->num_threads, back_panels<R>(I_));
  }
  Index vector_tasks() const {
    return has_ids_ || call_->grad_input == nullptr
               ? 0
               : pieces(positions_, kTaskPositions) * input_parts();
  }
  Index bias_tasks() const {
    return to_.bias == nullptr ? 0 : pieces(kSegments.total * H_, kTaskColumns);
  }

  void sum_hidden(Index segment, Index task) const {
    const Index gate = kSegments.hidden_gate[segment];
    const Index begin = task * kTaskUnits;
    outer_product<R>(part(gates_, 0, (kSegments.hidden_first + segment) * H_),
                     part(kTwo && gate == 2 ? reset_ : h_, 0, 0), positions_,
                     adds_, to_.weight_hh + gate * H_ * H_, H_, begin,
                     least(begin + kTaskUnits, H_));
  }

  void sum_input(Index segment, Index task) const {
    const Index gate = kSegments.input_gate[segment];
    const Index begin = task * kTaskUnits;
    outer_product<R>(part(gates_, 0, segment * H_), part(x_, 0, 0), positions_,
                     adds_, to_.weight_ih + gate * H_ * I_, I_, begin,
                     least(begin + kTaskUnits, H_));
  }

  void meet_tokens() {
    const std::int32_t* slots = plan_->slot + first();
    for (Index p = 0; p < positions_; ++p) {
      is_first_[p] = !met_[slots[p]];
      met_[slots[p]] = true;
    }
  }

  void sum_tokens(Index task) const {
    const Index begin = task * kTaskColumns;
    const Index end = least(begin + kTaskColumns, kSegments.input_count * H_);
    const std::int32_t* slots = plan_->slot + first();
    for (Index p = 0; p < positions_; ++p) {
      // Where they go is anywhere; asked for some positions before.
      const Index soon = least(p + 8, positions_ - 1);
      prefetch(to_.tokens.data + slots[soon] * to_.tokens.stride + begin,
               static_cast<int>(kTaskColumns / kWidth<R>));
      R* to = to_.tokens.data + slots[p] * to_.tokens.stride;
      add_row(to + begin, gates(p) + begin, end - begin, !is_first_[p]);
    }
  }

  void vectors_back(Index index, const BackWeights<R>& weights) const {
    const Index parts = input_parts();
    const Index panels = back_panels<R>(I_);
    const Index first = index / parts * kTaskPositions;
    const Index part = index % parts;
    back_product<R>(gate_rows_ + first,
                    least(kTaskPositions, positions_ - first), weights,
                    call_->add_to_grad_input, input_rows_ + first, I_,
                    {part * panels / parts, (part + 1) * panels / parts});
  }

  const BackwardCall* call_;
  const BatchPlan* plan_;
  const std::int64_t* base_;
  const std::int64_t* ranks_;
  Index count_;
  Index H_;
  Index I_;
  Index padded_;
  bool has_ids_;
  GradientSums<R> to_{};
  Index capacity_ = 0;
  Index start_ = 0;  // the chunk's steps
  Index end_ = 0;
  Index positions_ = 0;
  bool adds_ = false;  // whether the weights' gradients hold earlier chunks
  Matrix<R> gates_{};  // a row a position of the chunk
  Matrix<R> h_{};      // the state before, which the weights multiplied
  Matrix<R> reset_{};  // r times it; reset before
  Matrix<R> x_{};      // the input
  const R** gate_rows_ = nullptr;
  R** input_rows_ = nullptr;
  bool* met_ = nullptr;       // by distinct token
  bool* is_first_ = nullptr;  // by position of the chunk: its token's first
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
