// The gradients of a layer: memory for the sums of all row groups, their total,
// and with ids the input's products, at the end, over distinct tokens.
#pragma once

#include "kernels/row_group.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class LayerGradients {
 public:
  using Group = RowGroup<R, C>;

  /// is_real: whether there is memory behind the carver.
  LayerGradients(const BackwardCall& call, const BatchPlan& plan, Carver& carver, bool is_real)
      : call_(call),
        plan_(plan),
        H_(plan.shape.hidden_size),
        I_(plan.shape.input_size),
        has_ids_(plan.tokens.ids != nullptr),
        ih_panels_(back_panels<R>(I_)) {
    constexpr Index kLanes = kBackVectors * kWidth<R>;
    packs_ih_ = wants_input() && (!are_read_seldom(plan) || I_ % kLanes != 0);
    if (packs_ih_) {
      ih_ = carver.take<R>(ih_panels_ * kLanes * kSegments.input_count * H_);
    }
    if (has_ids_) {
      sources_ = least(kTokensAtOnce, plan.num_distinct);
      x_ = take_matrix<R>(carver, sources_, round_up(I_, kWidth<R>));
      gate_rows_ = carver.take<const R*>(sources_);
      input_rows_ = carver.take<R*>(sources_);
    }
    sums_ = carver.take<GradientSums<R>>(plan.num_groups);
    groups_ = carver.take<Group>(plan.num_groups);
    for (Index g = 0; g < plan.num_groups; ++g) {
      const GradientSums<R> sums = take_sums(carver, g);
      const Group group(call, plan, g, carver);
      if (!is_real) continue;
      sums_[g] = sums;
      groups_[g] = group;
      groups_[g].begin(sums);
    }
  }

  Group& group(Index g) const { return groups_[g]; }

  /// The weights that gradients of the input come through.
  BackWeights<R> input_weights() const {
    constexpr Index kCount = kSegments.input_count;
    if (packs_ih_) return packed_weights<R>(ih_, kCount * H_);
    return plain_weights(static_cast<const R*>(call_.weights.weight_ih), H_, I_,
                         kSegments.input_gate, kCount);
  }

  void begin(ParallelFor parallel_for) {
    const auto* weight_ih = static_cast<const R*>(call_.weights.weight_ih);
    auto pack = [&](Index panel) {
      pack_back_panel(weight_ih, H_, I_, kSegments.input_gate,
                      kSegments.input_count, panel, ih_);
    };
    parallel(parallel_for, packs_ih_ ? ih_panels_ : 0, kMove * kGates * H_ * I_,
             pack);
  }

  /// What is left when all groups' chunks were added.
  void finish(ParallelFor parallel_for) {
    join(parallel_for, &GradientSums<R>::weight_hh, kGates * H_ * H_);
    if (has_ids_) {
      tokens_back(parallel_for);
    } else {
      join(parallel_for, &GradientSums<R>::weight_ih, kGates * H_ * I_);
    }
    join(parallel_for, &GradientSums<R>::bias, kSegments.total * H_);
    write_bias(call_.grad_bias_ih, kSegments.input_gate, kSegments.input_first,
               kSegments.input_count);
    write_bias(call_.grad_bias_hh, kSegments.hidden_gate,
               kSegments.hidden_first, kSegments.hidden_count);
  }

 private:
  static constexpr Segments kSegments = segments(C);
  static constexpr Index kGates = num_gates(C);
  static constexpr Index kTokensAtOnce = 4 * kBlock;

  bool wants_input() const {
    return has_ids_ ? call_.grad_table_rows != nullptr
                    : call_.grad_input != nullptr;
  }

  // The first group's go where the call wants them.
  GradientSums<R> take_sums(Carver& carver, Index g) const {
    GradientSums<R> to;
    const auto weight = [&](void* wanted, Index count) -> R* {
      if (wanted == nullptr || g == 0) return static_cast<R*>(wanted);
      return carver.take<R>(count);
    };
    to.weight_hh = weight(call_.grad_weight_hh, kGates * H_ * H_);
    if (has_ids_) {
      to.tokens = take_matrix<R>(carver, plan_.num_distinct,
                                 kSegments.input_count * H_);
    } else {
      to.weight_ih = weight(call_.grad_weight_ih, kGates * H_ * I_);
    }
    if (call_.grad_bias_ih != nullptr || call_.grad_bias_hh != nullptr) {
      to.bias = carver.take<R>(round_up(kSegments.total * H_, kWidth<R>));
    }
    return to;
  }

  // Adds the other groups' sums to the first's, in their order.
  void join(ParallelFor parallel_for, R* GradientSums<R>::* sum, Index count) const {
    R* to = sums_[0].*sum;
    if (to == nullptr) return;
    if (!groups_[0].has_sums()) return zero<R>(to, count);
    if (plan_.num_groups == 1) return;
    const Index vectors = pieces(count, kWidth<R>);
    parallel_ranges(parallel_for, plan_.num_threads, vectors,
                    kMove * plan_.num_groups * count,
                    [&](Index begin, Index end) {
                      for (Index v = begin; v < end; ++v) {
                        const Index at = v * kWidth<R>;
                        Vec<R> total = load(to + at, count - at);
                        for (Index g = 1; g < plan_.num_groups; ++g) {
                          if (!groups_[g].has_sums()) continue;
                          total += load(sums_[g].*sum + at, count - at);
                        }
                        store(to + at, total, count - at);
                      }
                    });
  }

  // With ids: what is left of the input's products, over distinct tokens.
  void tokens_back(ParallelFor parallel_for) {
    const Index K = plan_.num_distinct;
    const auto* table = static_cast<const R*>(call_.input.table);
    const Matrix<R> sums = sums_[0].tokens;
    const Index per_segment = pieces(H_, kTaskUnits);
    if (K == 0) zero<R>(call_.grad_weight_ih, kGates * H_ * I_);
    for (Index first = 0; first < K; first += kTokensAtOnce) {
      const Index count = least(kTokensAtOnce, K - first);
      const Index parts = pieces(count, kTaskPositions);
      auto gather = [&](Index part) {
        const Index begin = part * kTaskPositions;
        const Index end = least(begin + kTaskPositions, count);
        for (Index k = begin; k < end; ++k) {
          const Index id = plan_.distinct[first + k];
          copy_padded(x_.data + k * x_.stride, table + id * I_, I_,
                      round_up(I_, kWidth<R>));
          R* row = sums.data + (first + k) * sums.stride;
          gate_rows_[k] = row;
          join_token(first + k, row);
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
        const Index segment = index / per_segment;
        const Index gate = kSegments.input_gate[segment];
        const Index begin = index % per_segment * kTaskUnits;
        outer_product<R>(part(sums, first, segment * H_), part(x_, 0, 0), count,
                         first > 0,
                         static_cast<R*>(call_.grad_weight_ih) + gate * H_ * I_,
                         I_, begin, least(begin + kTaskUnits, H_));
      };
      parallel(parallel_for, kSegments.input_count * per_segment,
               count * kGates * H_ * I_, sum);
    }
  }

  // A token's sums of all groups that met it, in the first group's place.
  void join_token(Index token, R* to) const {
    bool adds = groups_[0].has_met(token);
    for (Index g = 1; g < plan_.num_groups; ++g) {
      if (!groups_[g].has_met(token)) continue;
      const Matrix<R>& sums = sums_[g].tokens;
      add_row(to, sums.data + token * sums.stride, kSegments.input_count * H_,
              adds);
      adds = true;
    }
  }

  void write_bias(void* to, const int* gate_of, Index first,
                  Index count) const {
    if (to == nullptr) return;
    for (Index segment = 0; segment < count; ++segment) {
      __builtin_memcpy(static_cast<R*>(to) + gate_of[segment] * H_,
                       sums_[0].bias + (first + segment) * H_,
                       static_cast<std::size_t>(H_) * sizeof(R));
    }
  }

  const BackwardCall& call_;
  const BatchPlan& plan_;
  Index H_;
  Index I_;
  bool has_ids_;
  bool packs_ih_ = true;
  Index ih_panels_;
  R* ih_ = nullptr;
  GradientSums<R>* sums_ = nullptr;  // of each group
  Group* groups_ = nullptr;
  // With ids: of some distinct tokens, their vectors and where things stand.
  Index sources_ = 0;
  Matrix<R> x_{};
  const R** gate_rows_ = nullptr;
  R** input_rows_ = nullptr;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
