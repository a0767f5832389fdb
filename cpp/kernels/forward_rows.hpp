// The rows that go through a layer's steps together: what each reads and writes
// at its next step, where it begins and how it ends.
#pragma once

#include "kernels/cells.hpp"
#include "kernels/packed.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
struct ForwardRows {
  using Layer = Packed<R, C>;
  static constexpr bool kTwo = Layer::kTwo;

  const ForwardCall* call;
  const BatchPlan* plan;
  const std::int64_t* base;  ///< of its group
  Index first;               ///< member
  const std::int64_t* ranks;
  Index count;
  Index chunk_positions;  ///< whose input products there is room for
  R* projected[2];        ///< those, of each group
  const R** inputs;       ///< where their inputs stand
  StepRows<R> rows;
  R* c;
  R* reset;
  R* update;

  /// Scratch of share `s`; it makes input products itself, or with `projects`
  /// false reads a table of them.
  ForwardRows(const ForwardCall& its_call, const BatchPlan& its_plan, Index s,
              Index padded, bool projects, Carver& carver)
      : call(&its_call),
        plan(&its_plan),
        base(group_base(its_plan,
                        s / (its_plan.num_shares / its_plan.num_groups))),
        first(its_plan.share_begin[s]),
        ranks(its_plan.member + first),
        count(its_plan.share_begin[s + 1] - first),
        projected{},
        inputs(nullptr),
        c(nullptr),
        reset(nullptr),
        update(nullptr) {
    const Index n = count;
    const Index a_position =
        num_gates(C) * padded * static_cast<Index>(sizeof(R));
    const Index wanted = greatest(kChunkBytes / a_position, kLeastPositions);
    // At least one step of all rows, at most all there is.
    chunk_positions =
        greatest(n, least(wanted, n * greatest(plan->num_steps, 1)));
    if (projects) {
      projected[0] =
          carver.take<R>(chunk_positions * Layer::kFirst.gates * padded);
      if (kTwo) projected[1] = carver.take<R>(chunk_positions * padded);
      inputs = carver.take<const R*>(chunk_positions);
    }
    rows.projected = carver.take<const R*>(n);
    rows.candidate = carver.take<const R*>(n);
    rows.h = carver.take<const R*>(n);
    rows.h_out = carver.take<R*>(n);
    rows.c = carver.take<const R*>(n);
    rows.c_out = carver.take<R*>(n);
    rows.kept = carver.take<R*>(n);
    rows.reset = carver.take<const R*>(n);
    rows.update = carver.take<R*>(n);
    if (C == Cell::lstm && call->reserve == nullptr) {
      c = carver.take<R>(n * hidden_size());
    }
    if (kTwo) {
      reset = carver.take<R>(n * padded);
      update = carver.take<R>(n * padded);
    }
  }

  Index hidden_size() const { return plan->shape.hidden_size; }

  /// Of row i's position at a step.
  Index number(Index i, Index step) const {
    return base[step] + plan->place[first + i];
  }

  /// Initial states; a row that makes no step ends in them.
  void begin(const R* zeros, Index padded) const {
    const Index H = hidden_size();
    const auto* h_0 = static_cast<const R*>(call->h_0);
    const auto* c_0 = static_cast<const R*>(call->c_0);
    for (Index i = 0; i < count; ++i) {
      const Index row = plan->row[ranks[i]];
      rows.h[i] = h_0 == nullptr ? zeros : h_0 + row * H;
      rows.h_out[i] = nullptr;
      rows.c[i] = c_0 == nullptr ? zeros : c_0 + row * H;
      rows.c_out[i] = nullptr;
      if (kTwo) {
        rows.reset[i] = reset + i * padded;
        rows.update[i] = update + i * padded;
      }
    }
  }

  /// Start row i at `step`: copy its prefix leader's earlier outputs and
  /// current state.
  void join(Index i, Index step) const {
    const Index leader = plan->leader[first + i] - first;
    for (Index s = 0; s < step; ++s) {
      __builtin_memcpy(output(ranks[i], s), output(ranks[leader], s),
                       state_bytes());
    }
    rows.h_out[i] = rows.h_out[leader];
    if (C != Cell::lstm) return;
    rows.c_out[i] = rows.c_out[leader];
    if (c != nullptr) {  // changed in place
      rows.c_out[i] = c + i * hidden_size();
      __builtin_memcpy(rows.c_out[i], rows.c_out[leader], state_bytes());
    }
  }

  /// The next step of row i is `step`, at the position `here`.
  void point(Index i, Index step, Index here) const {
    const Index H = hidden_size();
    if (step > 0) rows.h[i] = rows.h_out[i];
    rows.h_out[i] = static_cast<R*>(call->output) + here * call->output_stride;
    if (call->reserve != nullptr) {
      rows.kept[i] = static_cast<R*>(call->reserve) +
                     number(i, step) * kept_per_unit(C) * H;
    }
    if (C == Cell::lstm) {
      if (step > 0) rows.c[i] = rows.c_out[i];
      rows.c_out[i] =
          call->reserve != nullptr ? rows.kept[i] + 4 * H : c + i * H;
    }
  }

  /// Final states, and zeros past the ends.
  void end() const {
    const Positions& p = plan->positions;
    for (Index i = 0; i < count; ++i) {
      const Index row = plan->row[ranks[i]];
      copy_state(call->h_n, row,
                 rows.h_out[i] != nullptr ? rows.h_out[i] : rows.h[i]);
      if (C == Cell::lstm) {
        copy_state(call->c_n, row,
                   rows.c_out[i] != nullptr ? rows.c_out[i] : rows.c[i]);
      }
      if (!p.pad) continue;
      for (Index t = plan->length[ranks[i]]; t < p.num_steps; ++t) {
        R* out = static_cast<R*>(call->output) +
                 (p.row_offset[row] + p.step_offset[t]) * call->output_stride;
        __builtin_memset(out, 0, state_bytes());
      }
    }
  }

 private:
  // Input products made at once: enough that the packed weights are read
  // seldom, few enough that the results are still in the cache when used.
  static constexpr Index kChunkBytes = 192 * 1024;
  static constexpr Index kLeastPositions = 64;

  std::size_t state_bytes() const {
    return static_cast<std::size_t>(hidden_size()) * sizeof(R);
  }

  R* output(Index rank, Index step) const {
    return static_cast<R*>(call->output) +
           position(*plan, rank, step) * call->output_stride;
  }

  void copy_state(void* states, Index row, const R* from) const {
    __builtin_memcpy(static_cast<R*>(states) + row * hidden_size(), from,
                     state_bytes());
  }
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
