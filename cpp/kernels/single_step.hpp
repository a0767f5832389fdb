// A batch of one step, forward. It reads each weight once or a few times:
// packing all of them would cost more than the products. So a panel is packed,
// used by all rows while it is in the cache, and dropped; for a row alone not
// even that. Threads share the panels.
#pragma once

#include "kernels/forward_rows.hpp"
#include "kernels/input.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class SingleStep {
 public:
  /// `packed` has room for as many panels as there are threads.
  SingleStep(const ForwardCall& call, const BatchPlan& plan,
             const Packed<R, C>& packed, const ForwardRows<R, C>& share,
             Index padded)
      : call_(call),
        plan_(plan),
        packed_(packed),
        share_(share),
        padded_(padded),
        H_(plan.shape.hidden_size),
        I_(plan.shape.input_size),
        active_(plan.num_positions) {}

  void run(const R* zeros, ParallelFor parallel_for) const {
    share_.begin(zeros, padded_);
    for (Index i = 0; i < active_; ++i) {
      const Index here = position(plan_, share_.ranks[i], 0);
      share_.inputs[i] = plan_.tokens.ids == nullptr
                             ? static_cast<const R*>(call_.input.vectors) +
                                   here * call_.input.stride
                             : static_cast<const R*>(call_.input.table) +
                                   plan_.tokens.ids[here] * I_;
      share_.point(i, 0, here);
      share_.rows.projected[i] = share_.projected[0] + i * Layer::line(0);
      if (Layer::kTwo) {
        share_.rows.candidate[i] = share_.projected[1] + i * Layer::line(1);
      }
    }
    packed_.pack_biases(call_.weights, H_);
    group<0>(parallel_for);
    if constexpr (Layer::kTwo) group<1>(parallel_for);
    share_.end();
  }

 private:
  using Layer = Packed<R, C>;

  template <int G>
  void group(ParallelFor parallel_for) const {
    const Index all = Layer::panels(G, padded_);
    const Index parts = least(plan_.num_threads, all);
    auto task = [&](Index part) {
      for (Index panel = part * all / parts; panel < (part + 1) * all / parts;
           ++panel) {
        if (call_.reserve != nullptr) {
          step<G, true>(part, panel);
        } else {
          step<G, false>(part, panel);
        }
      }
    };
    parallel(parallel_for, parts,
             active_ * Layer::group(G).gates * H_ * (I_ + H_), task);
  }

  // One panel of a group, packed into a part's room.
  template <int G, bool Training>
  void step(Index part, Index panel) const {
    const auto* weight_ih = static_cast<const R*>(call_.weights.weight_ih);
    const auto* weight_hh = static_cast<const R*>(call_.weights.weight_hh);
    R* ih = packed_.ih[G] + part * I_ * Layer::line(G);
    R* hh = packed_.hh[G] + part * H_ * Layer::line(G);
    const Index capacity = share_.chunk_positions;
    const bool is_plain = active_ == 1;
    if (is_plain) {
      project_plain<G>(weight_ih, panel);
    } else {
      pack_panel(weight_ih, H_, I_, Layer::group(G), panel, ih);
      project<R, Layer::group(G).vectors()>(
          {ih, packed_.bias[G], 0}, share_.inputs, active_, I_, panel,
          panel + 1, share_.projected[G], capacity, 0);
      pack_panel(weight_hh, H_, H_, Layer::group(G), panel, hh);
    }
    const StepWeights<R> weights{H_,
                                 hh,
                                 hh,
                                 packed_.candidate_bias,
                                 0,
                                 0,
                                 capacity * Layer::line(0),
                                 capacity * Layer::line(1),
                                 is_plain ? weight_hh : nullptr};
    const PanelRange panels{panel, panel + 1};
    if constexpr (G == 0) {
      step_first<R, C, Training>(weights, share_.rows, active_, panels);
    } else {
      step_second<R, Training>(weights, share_.rows, active_, panels);
    }
  }

  // The input's part of one panel for a row alone.
  template <int G>
  void project_plain(const R* weight, Index panel) const {
    constexpr int kVectors = Layer::group(G).vectors();
    Vec<R> a[1][kVectors];
    const R* bias = packed_.bias[G];
    load_tile<R>(a, &bias, panel * Layer::line(G));
    plain_product<R>(a, share_.inputs[0], weight, H_, I_, Layer::group(G),
                     panel);
    R* to =
        share_.projected[G] + panel * share_.chunk_positions * Layer::line(G);
    for (int v = 0; v < kVectors; ++v) store(to + v * kWidth<R>, a[0][v]);
  }

  const ForwardCall& call_;
  const BatchPlan& plan_;
  const Packed<R, C>& packed_;
  const ForwardRows<R, C>& share_;
  Index padded_;
  Index H_;
  Index I_;
  Index active_;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
