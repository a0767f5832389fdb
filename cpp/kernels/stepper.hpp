// One step at a time, its weights packed once.
#pragma once

#include "kernels/cells.hpp"
#include "kernels/input.hpp"
#include "kernels/packed.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class Steps {
 public:
  Steps(const Shape& shape, Index num_rows, void* memory)
      : N_(num_rows),
        H_(shape.hidden_size),
        I_(shape.input_size),
        padded_(padded_units<R>(H_)) {
    Carver carver(memory);
    packed_.carve(carver, I_, H_, padded_);
    for (int g = 0; g < 1 + Layer::kTwo; ++g) {
      projected_[g] = carver.take<R>(N_ * Layer::group(g).gates * padded_);
    }
    next_ = carver.take<R>(N_ * H_);
    reset_ = carver.take<R>(N_ * padded_);
    update_ = carver.take<R>(N_ * padded_);
    inputs_ = carver.take<const R*>(N_);
    rows_.projected = carver.take<const R*>(N_);
    rows_.candidate = carver.take<const R*>(N_);
    rows_.h = carver.take<const R*>(N_);
    rows_.h_out = carver.take<R*>(N_);
    rows_.c = carver.take<const R*>(N_);
    rows_.c_out = carver.take<R*>(N_);
    rows_.kept = nullptr;
    rows_.reset = carver.take<const R*>(N_);
    rows_.update = carver.take<R*>(N_);
    bytes_ = carver.total(memory);
  }

  std::size_t bytes() const { return bytes_; }

  void pack(const Weights& weights) {
    packed_.pack(
        weights, I_, H_, padded_,
        [](std::size_t count, void (*task)(void*, std::size_t) noexcept,
           void* context) noexcept {
          for (std::size_t i = 0; i < count; ++i) task(context, i);
        });
  }

  void step(const R* input, R* h, R* c) {
    const FlushDenormals flush;
    for (Index i = 0; i < N_; ++i) {
      inputs_[i] = input + i * I_;
      rows_.projected[i] = projected_[0] + i * Layer::line(0);
      rows_.h[i] = h + i * H_;
      rows_.h_out[i] = next_ + i * H_;
      if (C == Cell::lstm) {
        rows_.c[i] = c + i * H_;
        rows_.c_out[i] = c + i * H_;
      }
      if (Layer::kTwo) {
        rows_.candidate[i] = projected_[1] + i * Layer::line(1);
        rows_.reset[i] = reset_ + i * padded_;
        rows_.update[i] = update_ + i * padded_;
      }
    }
    const StepWeights<R> weights = packed_.step_weights(H_, N_);
    project_group<0>();
    step_first<R, C, false>(weights, rows_, N_, {0, Layer::panels(0, padded_)});
    if constexpr (Layer::kTwo) {
      project_group<1>();
      step_second<R, false>(weights, rows_, N_, {0, Layer::panels(1, padded_)});
    }
    // Not in place before: every unit reads every state.
    __builtin_memcpy(h, next_, static_cast<std::size_t>(N_ * H_) * sizeof(R));
  }

 private:
  using Layer = Packed<R, C>;

  template <int G>
  void project_group() {
    project<R, Layer::group(G).vectors()>(
        {packed_.ih[G], packed_.bias[G], I_ * Layer::line(G)}, inputs_, N_, I_,
        0, Layer::panels(G, padded_), projected_[G], N_, 0);
  }

  Index N_;
  Index H_;
  Index I_;
  Index padded_;
  Layer packed_;
  R* projected_[2] = {};
  R* next_ = nullptr;
  R* reset_ = nullptr;
  R* update_ = nullptr;
  const R** inputs_ = nullptr;
  StepRows<R> rows_{};
  std::size_t bytes_ = 0;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
