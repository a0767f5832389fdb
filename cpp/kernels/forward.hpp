// A layer forward. Each share of the rows goes through all steps without
// meeting another: some steps' input products, then those steps.
#pragma once

#include "kernels/cells.hpp"
#include "kernels/input.hpp"
#include "kernels/packed.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class Forward {
 public:
  Forward(const ForwardCall& call, const Plan& plan, void* scratch)
      : call_(call),
        plan_(plan),
        H_(call.shape.hidden_size),
        I_(call.shape.input_size),
        padded_(padded_units<R>(H_)) {
    Carver carver(scratch);
    packed_.carve(carver, I_, H_, padded_, is_single() ? plan.num_threads : 0);
    zeros_ = carver.take<R>(padded_);
    if (call.input.ids != nullptr && !is_single()) {
      table_[0] =
          carver.take<R>(plan.num_distinct * Layer::kFirst.gates * padded_);
      if (kTwo) table_[1] = carver.take<R>(plan.num_distinct * padded_);
      table_rows_ = carver.take<const R*>(plan.num_distinct);
    }
    shares_ = carver.take<Share>(plan.num_shares);
    for (Index s = 0; s < plan.num_shares; ++s) {
      Share share;
      carve_share(carver, s, share);
      if (scratch != nullptr) shares_[s] = share;
    }
    bytes_ = carver.total(scratch);
  }

  std::size_t bytes() const { return bytes_; }

  void run(ParallelFor parallel_for) {
    for (Index i = 0; i < padded_; ++i) zeros_[i] = R(0);
    if (is_single()) return run_single(parallel_for);
    packed_.pack(call_.weights, I_, H_, padded_, parallel_for);
    if (call_.input.ids != nullptr) project_table(parallel_for);
    const Index work = plan_.base[plan_.num_steps] * num_gates(C) * H_ *
                       (H_ + (call_.input.ids == nullptr ? I_ : 0));
    auto task = [&](Index s) {
      if (call_.reserve != nullptr) {
        run_share<true>(s, parallel_for);
      } else {
        run_share<false>(s, parallel_for);
      }
    };
    parallel(parallel_for, plan_.num_shares, work, task);
  }

 private:
  using Layer = Packed<R, C>;
  static constexpr bool kTwo = Layer::kTwo;

  // Scratch of one share.
  struct Share {
    Index chunk_positions;
    R* projected[2];
    const R** inputs;
    StepRows<R> rows;
    R* c;
    R* reset;
    R* update;
  };

  // Input products made at once: enough that the packed weights are read
  // seldom, few enough that the results are still in the cache when used.
  static constexpr Index kChunkBytes = 192 * 1024;
  static constexpr Index kLeastPositions = 64;

  Index share_rows(Index s) const {
    return plan_.share_begin[s + 1] - plan_.share_begin[s];
  }

  void carve_share(Carver& carver, Index s, Share& share) {
    const Index n = share_rows(s);
    const Index a_position =
        num_gates(C) * padded_ * static_cast<Index>(sizeof(R));
    const Index wanted = greatest(kChunkBytes / a_position, kLeastPositions);
    // At least one step of all rows, at most all there is.
    share.chunk_positions =
        greatest(n, least(wanted, n * greatest(plan_.num_steps, 1)));
    if (call_.input.ids == nullptr || is_single()) {
      share.projected[0] =
          carver.take<R>(share.chunk_positions * Layer::kFirst.gates * padded_);
      if (kTwo) {
        share.projected[1] = carver.take<R>(share.chunk_positions * padded_);
      }
      share.inputs = carver.take<const R*>(share.chunk_positions);
    }
    share.rows.projected = carver.take<const R*>(n);
    share.rows.candidate = carver.take<const R*>(n);
    share.rows.h = carver.take<const R*>(n);
    share.rows.h_out = carver.take<R*>(n);
    share.rows.c = carver.take<const R*>(n);
    share.rows.c_out = carver.take<R*>(n);
    share.rows.kept = carver.take<R*>(n);
    share.rows.reset = carver.take<const R*>(n);
    share.rows.update = carver.take<R*>(n);
    if (C == Cell::lstm && call_.reserve == nullptr) {
      share.c = carver.take<R>(n * H_);
    }
    if (kTwo) {
      share.reset = carver.take<R>(n * padded_);
      share.update = carver.take<R>(n * padded_);
    }
  }

  template <int G>
  void project_group(const R* const* rows, Index count, R* to, Index capacity,
                     Index first) const {
    project<R, Layer::group(G).vectors()>(
        {packed_.ih[G], packed_.bias[G], I_ * Layer::line(G)}, rows, count, I_,
        0, Layer::panels(G, padded_), to, capacity, first);
  }

  // A batch of one step reads each weight once or a few times: packing all of
  // them would cost more than the products. So a panel is packed, used by all
  // rows while it is in the cache, and dropped; for a row alone not even that.
  // Threads share the panels.
  bool is_single() const { return plan_.num_steps == 1; }

  void run_single(ParallelFor parallel_for) {
    Share& share = shares_[0];
    const Index n = plan_.num_rows;
    const Index active = plan_.base[1];
    begin_rows(share, plan_.member, n);
    for (Index i = 0; i < active; ++i) {
      const Index here = position(call_.positions, plan_, i, 0);
      share.inputs[i] = call_.input.ids == nullptr
                            ? static_cast<const R*>(call_.input.vectors) +
                                  here * call_.input.stride
                            : static_cast<const R*>(call_.input.table) +
                                  call_.input.ids[here] * I_;
      point(share, i, i, 0, here);
      share.rows.projected[i] = share.projected[0] + i * Layer::line(0);
      if (kTwo)
        share.rows.candidate[i] = share.projected[1] + i * Layer::line(1);
    }
    packed_.pack_biases(call_.weights, H_);
    single_group<0>(parallel_for, share, active);
    if constexpr (kTwo) single_group<1>(parallel_for, share, active);
    end_rows(share, plan_.member, n);
  }

  template <int G>
  void single_group(ParallelFor parallel_for, Share& share, Index active) {
    const Index all = Layer::panels(G, padded_);
    const Index parts = least(plan_.num_threads, all);
    const auto* weight_ih = static_cast<const R*>(call_.weights.weight_ih);
    const auto* weight_hh = static_cast<const R*>(call_.weights.weight_hh);
    const bool is_plain = active == 1;
    auto task = [&](Index part) {
      R* ih = packed_.ih[G] + part * I_ * Layer::line(G);
      R* hh = packed_.hh[G] + part * H_ * Layer::line(G);
      const Index capacity = share.chunk_positions;
      const StepWeights<R> weights{H_,
                                   hh,
                                   hh,
                                   packed_.candidate_bias,
                                   0,
                                   0,
                                   capacity * Layer::line(0),
                                   capacity * Layer::line(1),
                                   is_plain ? weight_hh : nullptr};
      for (Index panel = part * all / parts; panel < (part + 1) * all / parts;
           ++panel) {
        if (is_plain) {
          project_plain<G>(share, weight_ih, panel);
        } else {
          pack_panel(weight_ih, H_, I_, Layer::group(G), panel, ih);
          project<R, Layer::group(G).vectors()>(
              {ih, packed_.bias[G], 0}, share.inputs, active, I_, panel,
              panel + 1, share.projected[G], capacity, 0);
          pack_panel(weight_hh, H_, H_, Layer::group(G), panel, hh);
        }
        if constexpr (G == 0) {
          if (call_.reserve != nullptr) {
            step_first<R, C, true>(weights, share.rows, active,
                                   {panel, panel + 1});
          } else {
            step_first<R, C, false>(weights, share.rows, active,
                                    {panel, panel + 1});
          }
        } else if (call_.reserve != nullptr) {
          step_second<R, true>(weights, share.rows, active,
                               {panel, panel + 1});
        } else {
          step_second<R, false>(weights, share.rows, active,
                                {panel, panel + 1});
        }
      }
    };
    parallel(parallel_for, parts, Layer::group(G).gates * H_ * (I_ + H_), task);
  }

  // The input's part of one panel for a row alone.
  template <int G>
  void project_plain(const Share& share, const R* weight, Index panel) const {
    constexpr int kVectors = Layer::group(G).vectors();
    Vec<R> a[1][kVectors];
    const R* bias = packed_.bias[G];
    load_tile<R>(a, &bias, panel * Layer::line(G));
    plain_product<R>(a, share.inputs[0], weight, H_, I_, Layer::group(G),
                     panel);
    R* to = share.projected[G] + panel * share.chunk_positions * Layer::line(G);
    for (int v = 0; v < kVectors; ++v) store(to + v * kWidth<R>, a[0][v]);
  }

  void project_table(ParallelFor parallel_for) {
    constexpr Index kRowsAtOnce = 96;
    const auto* table = static_cast<const R*>(call_.input.table);
    const Index K = plan_.num_distinct;
    auto task = [&](Index part) {
      const Index first = part * kRowsAtOnce;
      const Index count = least(kRowsAtOnce, K - first);
      const R** rows = table_rows_ + first;
      for (Index i = 0; i < count; ++i) {
        rows[i] = table + plan_.distinct[first + i] * I_;
      }
      project_group<0>(rows, count, table_[0], K, first);
      if constexpr (kTwo) project_group<1>(rows, count, table_[1], K, first);
    };
    parallel(parallel_for, (K + kRowsAtOnce - 1) / kRowsAtOnce,
             K * I_ * H_ * num_gates(C), task);
  }

  template <bool Training>
  void run_share(Index s, ParallelFor parallel_for) {
    Share& share = shares_[s];
    StepRows<R>& rows = share.rows;
    const std::int64_t* ranks = plan_.member + plan_.share_begin[s];
    const Index n = share_rows(s);
    const bool has_ids = call_.input.ids != nullptr;
    begin_rows(share, ranks, n);

    const StepWeights<R> weights{
        H_,
        packed_.hh[0],
        packed_.hh[1],
        packed_.candidate_bias,
        H_ * Layer::line(0),
        H_ * Layer::line(1),
        (has_ids ? plan_.num_distinct : share.chunk_positions) * Layer::line(0),
        (has_ids ? plan_.num_distinct : share.chunk_positions) *
            Layer::line(1)};
    Index active = n;
    Index ready = 0;  // steps whose input products are made
    Index at = 0;     // position within them
    for (Index step = 0;; ++step) {
      while (active > 0 && plan_.length[ranks[active - 1]] <= step) --active;
      if (active == 0) break;
      if (!has_ids && step == ready) {
        ready = project_chunk(share, ranks, active, step);
        at = 0;
      }
      for (Index i = 0; i < active; ++i) {
        const Index rank = ranks[i];
        const Index here = has_ids ? plan_.slot[plan_.base[step] + rank] : at++;
        rows.projected[i] =
            (has_ids ? table_[0] : share.projected[0]) + here * Layer::line(0);
        if (kTwo) {
          rows.candidate[i] = (has_ids ? table_[1] : share.projected[1]) +
                              here * Layer::line(1);
        }
        point(share, i, rank, step,
              position(call_.positions, plan_, rank, step));
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
    end_rows(share, ranks, n);
  }

  // One step over all panels. A share that is alone leaves threads free: where
  // the step is worth it, they take a part of its panels.
  template <int G, class Body>
  void step_panels(ParallelFor parallel_for, Index active,
                   const Body& body) const {
    parallel_ranges(parallel_for, plan_.num_shares == 1 ? plan_.num_threads : 1,
                    Layer::panels(G, padded_),
                    active * Layer::group(G).gates * H_ * H_, body);
  }

  // Member i of a share, at the position `here` of its next step.
  void point(Share& share, Index i, Index rank, Index step, Index here) const {
    StepRows<R>& rows = share.rows;
    if (step > 0) rows.h[i] = rows.h_out[i];
    rows.h_out[i] = static_cast<R*>(call_.output) + here * call_.output_stride;
    if (call_.reserve != nullptr) {
      rows.kept[i] = static_cast<R*>(call_.reserve) +
                     (plan_.base[step] + rank) * kept_per_unit(C) * H_;
    }
    if (C == Cell::lstm) {
      if (step > 0) rows.c[i] = rows.c_out[i];
      rows.c_out[i] =
          call_.reserve != nullptr ? rows.kept[i] + 4 * H_ : share.c + i * H_;
    }
  }

  // Initial states; a row that makes no step ends in them.
  void begin_rows(Share& share, const std::int64_t* ranks, Index n) const {
    const auto* h_0 = static_cast<const R*>(call_.h_0);
    const auto* c_0 = static_cast<const R*>(call_.c_0);
    for (Index i = 0; i < n; ++i) {
      const Index row = plan_.row[ranks[i]];
      share.rows.h[i] = h_0 == nullptr ? zeros_ : h_0 + row * H_;
      share.rows.h_out[i] = nullptr;
      share.rows.c[i] = c_0 == nullptr ? zeros_ : c_0 + row * H_;
      share.rows.c_out[i] = nullptr;
      if (kTwo) {
        share.rows.reset[i] = share.reset + i * padded_;
        share.rows.update[i] = share.update + i * padded_;
      }
    }
  }

  // Final states, and zeros past the ends.
  void end_rows(const Share& share, const std::int64_t* ranks, Index n) const {
    const Positions& p = call_.positions;
    for (Index i = 0; i < n; ++i) {
      const Index row = plan_.row[ranks[i]];
      const R* h = share.rows.h_out[i] != nullptr ? share.rows.h_out[i]
                                                  : share.rows.h[i];
      copy(static_cast<R*>(call_.h_n) + row * H_, h);
      if (C == Cell::lstm) {
        const R* c = share.rows.c_out[i] != nullptr ? share.rows.c_out[i]
                                                    : share.rows.c[i];
        copy(static_cast<R*>(call_.c_n) + row * H_, c);
      }
      if (!p.pad) continue;
      for (Index t = plan_.length[ranks[i]]; t < p.num_steps; ++t) {
        R* out = static_cast<R*>(call_.output) +
                 (p.row_offset[row] + p.step_offset[t]) * call_.output_stride;
        __builtin_memset(out, 0, static_cast<std::size_t>(H_) * sizeof(R));
      }
    }
  }

  void copy(R* to, const R* from) const {
    __builtin_memcpy(to, from, static_cast<std::size_t>(H_) * sizeof(R));
  }

  // Input products of as many steps from `step` on as there is room for;
  // returns the step after them.
  Index project_chunk(Share& share, const std::int64_t* ranks, Index active,
                      Index step) const {
    const auto* input = static_cast<const R*>(call_.input.vectors);
    Index count = 0;
    for (;; ++step) {
      while (active > 0 && plan_.length[ranks[active - 1]] <= step) --active;
      if (active == 0 || count + active > share.chunk_positions) break;
      for (Index i = 0; i < active; ++i) {
        share.inputs[count++] =
            input + position(call_.positions, plan_, ranks[i], step) *
                        call_.input.stride;
      }
    }
    const Index capacity = share.chunk_positions;
    project_group<0>(share.inputs, count, share.projected[0], capacity, 0);
    if constexpr (kTwo) {
      project_group<1>(share.inputs, count, share.projected[1], capacity, 0);
    }
    return step;
  }

  const ForwardCall& call_;
  const Plan& plan_;
  Index H_;
  Index I_;
  Index padded_;
  Layer packed_;
  R* zeros_ = nullptr;
  R* table_[2] = {};  // with ids: input products of the distinct tokens
  const R** table_rows_ = nullptr;
  Share* shares_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
