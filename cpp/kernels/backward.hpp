// A layer backward. Each group of rows goes back some steps at a time from the
// last, then makes the sums over their positions. Where a group is one thread's
// it meets no other until the end; else all threads go through all groups'
// steps and then through all groups' sums, in turns.
#pragma once

#include "kernels/backward_rows.hpp"
#include "kernels/cells.hpp"
#include "kernels/gradients.hpp"
#include "kernels/layer_gradients.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class Backward {
 public:
  Backward(const BackwardCall& call, const BatchPlan& plan, void* scratch)
      : call_(call),
        plan_(plan),
        H_(plan.shape.hidden_size),
        padded_(padded_units<R>(H_)),
        carver_(scratch),
        sums_(call, plan, carver_, scratch != nullptr),
        rows_(call, plan, carver_) {
    packs_hh_ =
        (kTwo || plan.num_steps > 1 || call.grad_h_0 != nullptr) &&
        (!are_read_seldom(plan) || H_ % (kBackVectors * kWidth<R>) != 0);
    if (packs_hh_) {
      hh_ = carver_.take<R>(padded_ * H_ * kSegments.hidden_count);
    }
    left_ = carver_.take<const R*>(plan.num_rows);
    bytes_ = carver_.total(scratch);
  }

  std::size_t bytes() const { return bytes_; }

  void run(ParallelFor parallel_for) {
    begin(parallel_for);
    if (plan_.num_groups > 1 && plan_.num_shares == plan_.num_groups) {
      auto back = [&](Index g) { group_back(g, parallel_for); };
      parallel(parallel_for, plan_.num_groups,
               plan_.num_positions * kGates * H_ * H_, back);
    } else {
      while (chunks_back(parallel_for)) {
      }
    }
    auto finish = [&](Index s) { rows_.end(s); };
    parallel(parallel_for, plan_.num_shares, plan_.num_rows * H_, finish);
    sums_.finish(parallel_for);
  }

 private:
  using Group = RowGroup<R, C>;
  static constexpr bool kTwo = C == Cell::gru_before;
  static constexpr Segments kSegments = segments(C);
  static constexpr Index kGates = num_gates(C);

  BackWeights<R> hidden_weights(Index first, Index count) const {
    if (packs_hh_) {
      return packed_weights<R>(hh_ + first * H_ * padded_, count * H_);
    }
    return plain_weights(static_cast<const R*>(call_.weights.weight_hh), H_, H_,
                         kSegments.hidden_gate + first, count);
  }

  void begin(ParallelFor parallel_for) {
    rows_.clear();
    sums_.begin(parallel_for);
    const auto* weight_hh = static_cast<const R*>(call_.weights.weight_hh);
    auto pack = [&](Index panel) {
      if constexpr (kTwo) {
        pack_back_panel(weight_hh, H_, H_, kSegments.hidden_gate, 2, panel,
                        hh_);
        pack_back_panel(weight_hh, H_, H_, kSegments.hidden_gate + 2, 1, panel,
                        hh_ + 2 * H_ * padded_);
      } else {
        pack_back_panel(weight_hh, H_, H_, kSegments.hidden_gate,
                        kSegments.hidden_count, panel, hh_);
      }
    };
    parallel(parallel_for, packs_hh_ ? back_panels<R>(H_) : 0,
             kMove * kGates * H_ * H_, pack);
    auto start = [&](Index s) { rows_.begin(s); };
    parallel(parallel_for, plan_.num_shares, plan_.num_rows * H_, start);
  }

  void group_back(Index g, ParallelFor parallel_for) {
    Group& group = sums_.group(g);
    const BackWeights<R> weights = sums_.input_weights();
    while (group.go_back()) {
      share_back(g, group, parallel_for);
      for (Index task = 0; task < group.num_tasks(); ++task) {
        group.run(task, weights);
      }
    }
  }

  // The next chunk of every group; false when none is left.
  bool chunks_back(ParallelFor parallel_for) {
    const Index groups = plan_.num_groups;
    Index positions = 0;
    Index most = 0;
    for (Index g = 0; g < groups; ++g) {
      Group& group = sums_.group(g);
      if (!group.go_back()) continue;
      positions += group.positions();
      most = greatest(most, group.num_tasks());
    }
    if (positions == 0) return false;
    const Index a_group = plan_.num_shares / groups;
    auto back = [&](Index s) {
      share_back(s, sums_.group(s / a_group), parallel_for);
    };
    parallel(parallel_for, plan_.num_shares, positions * kGates * H_ * H_,
             back);
    const BackWeights<R> weights = sums_.input_weights();
    auto sum = [&](Index index) {
      const Group& group = sums_.group(index % groups);
      if (index / groups < group.num_tasks()) {
        group.run(index / groups, weights);
      }
    };
    parallel(parallel_for, groups * most,
             positions * kGates * H_ * (H_ + plan_.shape.input_size), sum);
    return true;
  }

  void share_back(Index s, Group& group, ParallelFor parallel_for) {
    const Index first = plan_.share_begin[s];
    const Index n = plan_.share_begin[s + 1] - first;
    const std::int64_t* ranks = plan_.member + first;
    Index active = 0;
    Index in_group = 0;
    Index base = group.positions();
    for (Index step = group.end() - 1; step >= group.start(); --step) {
      active = count_active(plan_, ranks, n, active, step);
      in_group = group.count_rows(in_group, step);
      base -= in_group;
      if (active == 0) continue;
      if (plan_.joins) rows_.add_outputs(first + active, first + n, step);
      step_back(group, first, active, step, base, parallel_for);
      if (plan_.joins) rows_.join_stems(first, first + active, step);
    }
  }

  // base: the number of the step's first position in the group's chunk.
  void step_back(Group& group, Index first, Index active, Index step,
                 Index base, ParallelFor parallel_for) {
    RowBack<R>* rows = rows_.from(first);
    const R** left = left_ + first;
    for (Index i = 0; i < active; ++i) rows_.point(first + i, group, step);
    for (Index i = 0; i < active; ++i) {
      const Index rank = plan_.member[first + i];
      const Index p = base + plan_.place[first + i];
      // States before stand apart from each other; asked for two rows ahead.
      const RowBack<R>& soon = rows[least(i + 2, active - 1)];
      prefetch(soon.h, static_cast<int>(H_ / kWidth<R>));
      if (C == Cell::lstm) prefetch(soon.c, static_cast<int>(H_ / kWidth<R>));
      rows[i].gates = group.gates(p);
      gate_gradients<R, C>(rows[i], H_, padded_);
      group.keep(rank, step, p, rows[i].h);
      left[i] = rows[i].gates + kSegments.hidden_first * H_;
    }
    if constexpr (kTwo) {
      for (Index i = 0; i < active; ++i) left[i] += 2 * H_;
      hidden_back(left, active, hidden_weights(2, 1), rows_.resets(first),
                  step % 2 != 0, parallel_for);
      for (Index i = 0; i < active; ++i) {
        left[i] -= 2 * H_;
        reset_gradients<R>(rows[i], H_, padded_);
        R* to = group.reset(base + plan_.place[first + i]);
        for (Index unit = 0; unit < padded_; unit += kWidth<R>) {
          const R* r = rows[i].kept + kept_at<C>(H_, unit).offset;
          store(to + unit,
                load(r, H_ - unit) * load(rows[i].h + unit, H_ - unit));
        }
      }
    }
    // Before the first step there is nobody, but for a state that was given.
    if (step == 0 && call_.grad_h_0 == nullptr) return;
    const BackWeights<R> weights =
        hidden_weights(0, kTwo ? 2 : kSegments.hidden_count);
    hidden_back(left, active, weights, rows_.states(first), step % 2 != 0,
                parallel_for, kept_before(group, first, active, step, weights));
  }

  // What forward kept of the step before; rows of a share stand together, as a
  // rule.
  Ahead kept_before(const Group& group, Index first, Index active, Index step,
                    const BackWeights<R>& weights) const {
    const Index row = kept_per_unit(C) * H_;
    if (step == 0 || row == 0) return {};
    const auto* from = reinterpret_cast<const char*>(
        static_cast<const R*>(call_.reserve) +
        group.number(step - 1, plan_.place[first]) * row);
    const Index bytes = active * row * static_cast<Index>(sizeof(R));
    const Index tiles =
        back_panels<R>(H_) * pieces(active, tile_rows(kBackVectors));
    const Index times =
        tiles * weights.segments * pieces(weights.depth, kAskEvery);
    return {from, from + bytes, pieces(pieces(bytes, Ahead::kLine), times)};
  }

  // A share that is alone leaves threads free: where the product is worth it,
  // they take a part of its panels.
  void hidden_back(const R* const* left, Index active, const BackWeights<R>& w,
                   R* const* to, bool is_down, ParallelFor parallel_for,
                   Ahead ahead = {}) const {
    parallel_ranges(parallel_for, plan_.num_shares == 1 ? plan_.num_threads : 1,
                    back_panels<R>(H_), active * w.segments * w.depth * H_,
                    [&](Index begin, Index end) {
                      back_product<R>(left, active, w, true, to, padded_,
                                      {begin, end, is_down}, ahead);
                    });
  }

  const BackwardCall& call_;
  const BatchPlan& plan_;
  Index H_;
  Index padded_;
  Carver carver_;
  LayerGradients<R, C> sums_;
  BackwardRows<R, C> rows_;
  bool packs_hh_ = true;
  R* hh_ = nullptr;
  const R** left_ = nullptr;  // by member
  std::size_t bytes_ = 0;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
