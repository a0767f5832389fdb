// A layer forward. Each share of the rows goes through all steps without
// meeting another: some steps' input products, then those steps.
#pragma once

#include "kernels/forward_rows.hpp"
#include "kernels/input.hpp"
#include "kernels/single_step.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class Forward {
 public:
  Forward(const ForwardCall& call, const BatchPlan& plan, void* scratch)
      : call_(call),
        plan_(plan),
        H_(plan.shape.hidden_size),
        I_(plan.shape.input_size),
        padded_(padded_units<R>(H_)),
        has_ids_(plan.tokens.ids != nullptr) {
    Carver carver(scratch);
    packed_.carve(carver, I_, H_, padded_, is_single() ? plan.num_threads : 0);
    zeros_ = carver.take<R>(padded_);
    if (has_ids_ && !is_single()) {
      table_[0] =
          carver.take<R>(plan.num_distinct * Layer::kFirst.gates * padded_);
      if (kTwo) table_[1] = carver.take<R>(plan.num_distinct * padded_);
      table_rows_ = carver.take<const R*>(plan.num_distinct);
    }
    shares_ = carver.take<Share>(plan.num_shares);
    for (Index s = 0; s < plan.num_shares; ++s) {
      const Share share(call, plan, s, padded_, !has_ids_ || is_single(),
                        carver);
      if (scratch != nullptr) shares_[s] = share;
    }
    bytes_ = carver.total(scratch);
  }

  std::size_t bytes() const { return bytes_; }

  void run(ParallelFor parallel_for) {
    for (Index i = 0; i < padded_; ++i) zeros_[i] = R(0);
    if (is_single()) {
      return SingleStep<R, C>(call_, plan_, packed_, shares_[0], padded_)
          .run(zeros_, parallel_for);
    }
    packed_.pack(call_.weights, I_, H_, padded_, parallel_for);
    if (has_ids_) project_table(parallel_for);
    const Index work =
        plan_.num_positions * num_gates(C) * H_ * (H_ + (has_ids_ ? 0 : I_));
    auto task = [&](Index s) {
      if (call_.reserve != nullptr) {
        run_share<true>(shares_[s], parallel_for);
      } else {
        run_share<false>(shares_[s], parallel_for);
      }
    };
    parallel(parallel_for, plan_.num_shares, work, task);
  }

 private:
  using Layer = Packed<R, C>;
  using Share = ForwardRows<R, C>;
  static constexpr bool kTwo = Layer::kTwo;

  bool is_single() const { return plan_.num_steps == 1; }

  // The input's part of one group's gates, by so many threads.
  template <int G>
  void project_group(const R* const* rows, Index count, R* to, Index capacity,
                     Index first, Index threads,
                     ParallelFor parallel_for) const {
    parallel_ranges(parallel_for, threads, Layer::panels(G, padded_),
                    count * Layer::group(G).gates * I_ * H_,
                    [&](Index begin, Index end) {
                      project<R, Layer::group(G).vectors()>(
                          {packed_.ih[G], packed_.bias[G], I_ * Layer::line(G)},
                          rows, count, I_, begin, end, to, capacity, first);
                    });
  }

  void project_table(ParallelFor parallel_for) {
    constexpr Index kRowsAtOnce = 96;
    const auto* table = static_cast<const R*>(call_.input.table);
    const Index K = plan_.num_distinct;
    const Index parts = pieces(K, kRowsAtOnce);
    // Few tokens are cut by panels, so that there is a part for everyone.
    const Index threads = parts < plan_.num_threads ? plan_.num_threads : 1;
    auto task = [&](Index part) {
      const Index first = part * K / parts;
      const Index count = (part + 1) * K / parts - first;
      const R** rows = table_rows_ + first;
      for (Index i = 0; i < count; ++i) {
        rows[i] = table + plan_.distinct[first + i] * I_;
      }
      project_group<0>(rows, count, table_[0], K, first, threads, parallel_for);
      if constexpr (kTwo) {
        project_group<1>(rows, count, table_[1], K, first, threads,
                         parallel_for);
      }
    };
    if (threads > 1) {
      for (Index part = 0; part < parts; ++part) task(part);
    } else {
      parallel(parallel_for, parts, K * I_ * H_ * num_gates(C), task);
    }
  }

  template <bool Training>
  void run_share(const Share& share, ParallelFor parallel_for) const {
    const StepRows<R>& rows = share.rows;
    const std::int64_t* ranks = share.ranks;
    share.begin(zeros_, padded_);
    const StepWeights<R> weights = packed_.step_weights(
        H_, has_ids_ ? plan_.num_distinct : share.chunk_positions);
    Index active = 0;
    Index ready = 0;  // steps whose input products are made
    Index at = 0;     // position within them
    for (Index step = 0;; ++step) {
      const Index before = active;
      active = count_active(plan_, ranks, share.count, active, step);
      if (active == 0) break;
      for (Index i = before; step > 0 && i < active; ++i) share.join(i, step);
      if (!has_ids_ && step == ready) {
        ready = project_chunk(share, active, step, parallel_for);
        at = 0;
      }
      for (Index i = 0; i < active; ++i) {
        const Index rank = ranks[i];
        const Index here = has_ids_ ? plan_.slot[share.number(i, step)] : at++;
        rows.projected[i] =
            (has_ids_ ? table_[0] : share.projected[0]) + here * Layer::line(0);
        if (kTwo) {
          rows.candidate[i] = (has_ids_ ? table_[1] : share.projected[1]) +
                              here * Layer::line(1);
        }
        share.point(i, step, position(plan_, rank, step));
      }
      const bool back = step % 2 != 0;
      step_panels<0>(parallel_for, active, [&](Index begin, Index end) {
        step_first<R, C, Training>(weights, rows, active, {begin, end, back});
      });
      if constexpr (kTwo) {
        step_panels<1>(parallel_for, active, [&](Index begin, Index end) {
          step_second<R, Training>(weights, rows, active, {begin, end, back});
        });
      }
    }
    share.end();
  }

  // A share that is alone leaves threads free: where a product is worth it,
  // they take a part of its panels.
  Index threads_of_share() const {
    return plan_.num_shares == 1 ? plan_.num_threads : 1;
  }

  // One step over all panels.
  template <int G, class Body>
  void step_panels(ParallelFor parallel_for, Index active,
                   const Body& body) const {
    parallel_ranges(parallel_for, threads_of_share(), Layer::panels(G, padded_),
                    active * Layer::group(G).gates * H_ * H_, body);
  }

  // Input products of as many steps from `step` on as there is room for;
  // returns the step after them.
  Index project_chunk(const Share& share, Index active, Index step,
                      ParallelFor parallel_for) const {
    const std::int64_t* ranks = share.ranks;
    const auto* input = static_cast<const R*>(call_.input.vectors);
    Index count = 0;
    for (;; ++step) {
      active = count_active(plan_, ranks, share.count, active, step);
      if (active == 0 || count + active > share.chunk_positions) break;
      for (Index i = 0; i < active; ++i) {
        share.inputs[count++] =
            input + position(plan_, ranks[i], step) *
                        call_.input.stride;
      }
    }
    const Index capacity = share.chunk_positions;
    project_group<0>(share.inputs, count, share.projected[0], capacity, 0,
                     threads_of_share(), parallel_for);
    if constexpr (kTwo) {
      project_group<1>(share.inputs, count, share.projected[1], capacity, 0,
                       threads_of_share(), parallel_for);
    }
    return step;
  }

  const ForwardCall& call_;
  const BatchPlan& plan_;
  Index H_;
  Index I_;
  Index padded_;
  bool has_ids_;
  Layer packed_;
  R* zeros_ = nullptr;
  R* table_[2] = {};  // with ids: input products of the distinct tokens
  const R** table_rows_ = nullptr;
  Share* shares_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
