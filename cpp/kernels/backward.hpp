// A layer backward. Each group of rows goes back some steps at a time from the
// last, then makes the sums over their positions. Where a group is one thread's
// it meets no other until the end; else all threads go through all groups'
// steps and then through all groups' sums, in turns.
#pragma once

#include "kernels/cells.hpp"
#include "kernels/gate_gradients.hpp"
#include "kernels/gradients.hpp"
#include "kernels/sums.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class Backward {
 public:
  Backward(const BackwardCall& call, const Plan& plan, void* scratch)
      : call_(call),
        plan_(plan),
        H_(call.shape.hidden_size),
        padded_(padded_units<R>(H_)),
        carver_(scratch),
        sums_(call, plan, carver_, scratch != nullptr) {
    zeros_ = carver_.take<R>(padded_);
    packs_hh_ = !are_read_seldom(plan) || H_ % (kBackVectors * kWidth<R>) != 0;
    if (packs_hh_) {
      hh_ = carver_.take<R>(padded_ * H_ * kSegments.hidden_count);
    }
    dh_ = carver_.take<R>(plan.num_rows * padded_);
    if (C == Cell::lstm) dc_ = carver_.take<R>(plan.num_rows * padded_);
    if (kTwo) reset_grad_ = carver_.take<R>(plan.num_rows * padded_);
    rows_ = carver_.take<RowBack<R>>(plan.num_rows);
    left_ = carver_.take<const R*>(plan.num_rows);
    dh_rows_ = carver_.take<R*>(plan.num_rows);
    reset_rows_ = carver_.take<R*>(plan.num_rows);
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
    auto finish = [&](Index s) { end_rows(s); };
    parallel(parallel_for, plan_.num_shares, plan_.num_rows * H_, finish);
    sums_.finish(parallel_for);
  }

 private:
  using Group = GroupSums<R, C>;
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
    zero<R>(zeros_, padded_);
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
    auto start = [&](Index s) { begin_rows(s); };
    parallel(parallel_for, plan_.num_shares, plan_.num_rows * H_, start);
  }

  void begin_rows(Index s) {
    for (Index m = plan_.share_begin[s]; m < plan_.share_begin[s + 1]; ++m) {
      const Index row = plan_.row[plan_.member[m]];
      rows_[m] = RowBack<R>{};
      rows_[m].dh = begin_gradient(dh_, m, call_.grad_h_n, row);
      if (C == Cell::lstm) {
        rows_[m].dc = begin_gradient(dc_, m, call_.grad_c_n, row);
      }
      if (kTwo) rows_[m].reset_grad = reset_grad_ + m * padded_;
      dh_rows_[m] = rows_[m].dh;
      reset_rows_[m] = rows_[m].reset_grad;
    }
  }

  R* begin_gradient(R* all, Index member, const void* from, Index row) const {
    R* to = all + member * padded_;
    copy_padded(
        to, from == nullptr ? zeros_ : static_cast<const R*>(from) + row * H_,
        H_, padded_);
    return to;
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
             positions * kGates * H_ * (H_ + call_.shape.input_size), sum);
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
      if (plan_.joins) add_outputs(first + active, first + n, step);
      step_back(group, first, active, step, base, parallel_for);
      if (plan_.joins) join_stems(first, first + active, step);
    }
  }

  // What members [begin, end) have of the step's output, which their stems
  // made.
  void add_outputs(Index begin, Index end, Index step) {
    if (call_.grad_output == nullptr) return;
    for (Index m = begin; m < end; ++m) {
      const Index here =
          position(call_.positions, plan_, plan_.member[m], step);
      add(rows_[plan_.stem[m]].dh, static_cast<const R*>(call_.grad_output) +
                                       here * call_.grad_output_stride);
    }
  }

  // Of members [begin, end), gradients of the state that `step` began in go to
  // the stems of those whose first it was.
  void join_stems(Index begin, Index end, Index step) {
    for (Index m = begin; m < end; ++m) {
      if (step == 0 || plan_.start[plan_.member[m]] != step) continue;
      const RowBack<R>& stem = rows_[plan_.stem[m]];
      add(stem.dh, rows_[m].dh);
      if (C == Cell::lstm) add(stem.dc, rows_[m].dc);
    }
  }

  void add(R* to, const R* from) const {
    for (Index unit = 0; unit < padded_; unit += kWidth<R>) {
      store(to + unit, load(to + unit) + load(from + unit, H_ - unit));
    }
  }

  // base: the number of the step's first position in the group's chunk.
  void step_back(Group& group, Index first, Index active, Index step,
                 Index base, ParallelFor parallel_for) {
    RowBack<R>* rows = rows_ + first;
    const R** left = left_ + first;
    for (Index i = 0; i < active; ++i) point(rows[i], group, first + i, step);
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
      hidden_back(left, active, hidden_weights(2, 1), reset_rows_ + first,
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
    hidden_back(left, active,
                hidden_weights(0, kTwo ? 2 : kSegments.hidden_count),
                dh_rows_ + first, step % 2 != 0, parallel_for);
  }

  // A share that is alone leaves threads free: where the product is worth it,
  // they take a part of its panels.
  void hidden_back(const R* const* left, Index active, const BackWeights<R>& w,
                   R* const* to, bool is_down, ParallelFor parallel_for) const {
    parallel_ranges(parallel_for, plan_.num_shares == 1 ? plan_.num_threads : 1,
                    back_panels<R>(H_), active * w.segments * w.depth * H_,
                    [&](Index begin, Index end) {
                      back_product<R>(left, active, w, true, to, padded_,
                                      {begin, end, is_down});
                    });
  }

  void point(RowBack<R>& row, const Group& group, Index m, Index step) {
    const Positions& at = call_.positions;
    const Index rank = plan_.member[m];
    const Index here = position(at, plan_, rank, step);
    const auto* output = static_cast<const R*>(call_.output);
    row.h_out = output + here * call_.output_stride;
    const Index number = plan_.row[rank];
    if (step > 0) {
      row.h =
          output + position(at, plan_, rank, step - 1) * call_.output_stride;
    } else {
      row.h = call_.h_0 == nullptr
                  ? zeros_
                  : static_cast<const R*>(call_.h_0) + number * H_;
    }
    row.grad_output = call_.grad_output == nullptr
                          ? nullptr
                          : static_cast<const R*>(call_.grad_output) +
                                here * call_.grad_output_stride;
    constexpr Index kKept = kept_per_unit(C);
    const auto* reserve = static_cast<const R*>(call_.reserve);
    if (kKept > 0) {
      row.kept = reserve + group.number(step, plan_.place[m]) * kKept * H_;
    }
    if (C == Cell::lstm) {
      if (step > 0) {
        const Index before = step > plan_.start[rank] ? m : plan_.stem[m];
        const Index number = group.number(step - 1, plan_.place[before]);
        row.c = reserve + (number * kKept + 4) * H_;
      } else {
        row.c = call_.c_0 == nullptr
                    ? zeros_
                    : static_cast<const R*>(call_.c_0) + number * H_;
      }
    }
  }

  void end_rows(Index s) const {
    const Positions& p = call_.positions;
    for (Index m = plan_.share_begin[s]; m < plan_.share_begin[s + 1]; ++m) {
      const Index rank = plan_.member[m];
      const Index row = plan_.row[rank];
      write_state(call_.grad_h_0, dh_ + m * padded_, row);
      if (C == Cell::lstm) write_state(call_.grad_c_0, dc_ + m * padded_, row);
      if (!p.pad || call_.input.ids != nullptr || call_.grad_input == nullptr ||
          call_.add_to_grad_input) {
        continue;
      }
      for (Index t = plan_.length[rank]; t < p.num_steps; ++t) {
        zero<R>(static_cast<R*>(call_.grad_input) +
                    (p.row_offset[row] + p.step_offset[t]) *
                        call_.grad_input_stride,
                call_.shape.input_size);
      }
    }
  }

  void write_state(void* to, const R* from, Index row) const {
    if (to == nullptr) return;
    __builtin_memcpy(static_cast<R*>(to) + row * H_, from,
                     static_cast<std::size_t>(H_) * sizeof(R));
  }

  const BackwardCall& call_;
  const Plan& plan_;
  Index H_;
  Index padded_;
  Carver carver_;
  Sums<R, C> sums_;
  bool packs_hh_ = true;
  R* zeros_ = nullptr;
  R* hh_ = nullptr;
  R* dh_ = nullptr;
  R* dc_ = nullptr;
  R* reset_grad_ = nullptr;
  RowBack<R>* rows_ = nullptr;  // by member
  const R** left_ = nullptr;
  R** dh_rows_ = nullptr;
  R** reset_rows_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
