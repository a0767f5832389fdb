// The rows that go back through a layer's steps: what each reads and writes at
// its next step, the gradients it begins with and those it ends with.
#pragma once

#include "kernels/gate_gradients.hpp"
#include "kernels/row_group.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class BackwardRows {
 public:
  BackwardRows(const BackwardCall& call, const BatchPlan& plan, Carver& carver)
      : call_(call),
        plan_(plan),
        H_(plan.shape.hidden_size),
        padded_(padded_units<R>(H_)) {
    zeros_ = carver.take<R>(padded_);
    dh_ = carver.take<R>(plan.num_rows * padded_);
    if (C == Cell::lstm) dc_ = carver.take<R>(plan.num_rows * padded_);
    if (kTwo) reset_grad_ = carver.take<R>(plan.num_rows * padded_);
    rows_ = carver.take<RowBack<R>>(plan.num_rows);
    dh_rows_ = carver.take<R*>(plan.num_rows);
    reset_rows_ = carver.take<R*>(plan.num_rows);
  }

  /// By member, from one on: the rows, gradients of their states, and of r * h
  /// (reset before).
  RowBack<R>* from(Index first) const { return rows_ + first; }
  R* const* states(Index first) const { return dh_rows_ + first; }
  R* const* resets(Index first) const { return reset_rows_ + first; }

  /// Comes before all else.
  void clear() const { zero<R>(zeros_, padded_); }

  /// A share's gradients of final states.
  void begin(Index s) const {
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

  /// The next step of member m, of this group, is `step`.
  void point(Index m, const RowGroup<R, C>& group, Index step) const {
    RowBack<R>& row = rows_[m];
    const Index rank = plan_.member[m];
    const Index here = position(plan_, rank, step);
    const auto* output = static_cast<const R*>(call_.output);
    row.h_out = output + here * call_.output_stride;
    const Index number = plan_.row[rank];
    if (step > 0) {
      row.h = output + position(plan_, rank, step - 1) * call_.output_stride;
    } else {
      row.h = initial(call_.h_0, number);
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
        const Index before = step > plan_.start[rank] ? m : plan_.leader[m];
        const Index number = group.number(step - 1, plan_.place[before]);
        row.c = reserve + (number * kKept + kept_gates(C)) * H_;
      } else {
        row.c = initial(call_.c_0, number);
      }
    }
  }

  /// What members [begin, end) have of the step's output, which their stems
  /// made.
  void add_outputs(Index begin, Index end, Index step) const {
    if (call_.grad_output == nullptr) return;
    for (Index m = begin; m < end; ++m) {
      const Index here = position(plan_, plan_.member[m], step);
      add(rows_[plan_.leader[m]].dh, static_cast<const R*>(call_.grad_output) +
                                       here * call_.grad_output_stride);
    }
  }

  /// Of members [begin, end), gradients of the state that `step` began in go to
  /// the stems of those whose first it was.
  void join_stems(Index begin, Index end, Index step) const {
    for (Index m = begin; m < end; ++m) {
      if (step == 0 || plan_.start[plan_.member[m]] != step) continue;
      const RowBack<R>& leader = rows_[plan_.leader[m]];
      add(leader.dh, rows_[m].dh);
      if (C == Cell::lstm) add(leader.dc, rows_[m].dc);
    }
  }

  /// A share's gradients of initial states, and zeros of inputs past the ends.
  void end(Index s) const {
    const Positions& p = plan_.positions;
    for (Index m = plan_.share_begin[s]; m < plan_.share_begin[s + 1]; ++m) {
      const Index rank = plan_.member[m];
      const Index row = plan_.row[rank];
      write_state(call_.grad_h_0, dh_ + m * padded_, row);
      if (C == Cell::lstm) write_state(call_.grad_c_0, dc_ + m * padded_, row);
      if (!p.pad || plan_.tokens.ids != nullptr || call_.grad_input == nullptr ||
          call_.add_to_grad_input) {
        continue;
      }
      for (Index t = plan_.length[rank]; t < p.num_steps; ++t) {
        zero<R>(static_cast<R*>(call_.grad_input) +
                    (p.row_offset[row] + p.step_offset[t]) *
                        call_.grad_input_stride,
                plan_.shape.input_size);
      }
    }
  }

 private:
  static constexpr bool kTwo = C == Cell::gru_before;

  const R* initial(const void* states, Index row) const {
    return states == nullptr ? zeros_
                             : static_cast<const R*>(states) + row * H_;
  }

  R* begin_gradient(R* all, Index member, const void* from, Index row) const {
    R* to = all + member * padded_;
    copy_padded(to, initial(from, row), H_, padded_);
    return to;
  }

  void add(R* to, const R* from) const {
    for (Index unit = 0; unit < padded_; unit += kWidth<R>) {
      store(to + unit, load(to + unit) + load(from + unit, H_ - unit));
    }
  }

  void write_state(void* to, const R* from, Index row) const {
    if (to == nullptr) return;
    __builtin_memcpy(static_cast<R*>(to) + row * H_, from,
                     static_cast<std::size_t>(H_) * sizeof(R));
  }

  const BackwardCall& call_;
  const BatchPlan& plan_;
  Index H_;
  Index padded_;
  R* zeros_ = nullptr;
  R* dh_ = nullptr;
  R* dc_ = nullptr;
  R* reset_grad_ = nullptr;
  RowBack<R>* rows_ = nullptr;  // by member, like those that follow
  R** dh_rows_ = nullptr;
  R** reset_rows_ = nullptr;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
