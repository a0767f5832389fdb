// The kernels of one instruction set, behind the one symbol that their object
// exports. CMake compiles this file once for each.
#include "kernels/dispatch.hpp"

#include "kernels/adam.hpp"
#include "kernels/backward.hpp"
#include "kernels/forward.hpp"
#include "kernels/masks.hpp"
#include "kernels/pooling.hpp"
#include "kernels/stepper.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

// Calls body.template operator()<R, C>() for a shape's dtype and cell.
template <class R, class Body>
auto with_cell(Cell cell, const Body& body) {
  switch (cell) {
    case Cell::rnn_tanh:
      return body.template operator()<R, Cell::rnn_tanh>();
    case Cell::rnn_relu:
      return body.template operator()<R, Cell::rnn_relu>();
    case Cell::lstm:
      return body.template operator()<R, Cell::lstm>();
    case Cell::gru_after:
      return body.template operator()<R, Cell::gru_after>();
    case Cell::gru_before:
      break;
  }
  return body.template operator()<R, Cell::gru_before>();
}

template <class Body>
auto with_shape(const Shape& shape, const Body& body) {
  return shape.dtype == Dtype::float32 ? with_cell<float>(shape.cell, body)
                                       : with_cell<double>(shape.cell, body);
}

std::size_t forward_bytes(const ForwardCall& call, const BatchPlan& plan) {
  return with_shape(plan.shape, [&]<class R, Cell C>() {
    return Forward<R, C>(call, plan, nullptr).bytes();
  });
}

void forward(const ForwardCall& call, const BatchPlan& plan, void* scratch,
             ParallelFor parallel_for) {
  with_shape(plan.shape, [&]<class R, Cell C>() {
    Forward<R, C>(call, plan, scratch).run(parallel_for);
  });
}

std::size_t backward_bytes(const BackwardCall& call, const BatchPlan& plan) {
  return with_shape(plan.shape, [&]<class R, Cell C>() {
    return Backward<R, C>(call, plan, nullptr).bytes();
  });
}

void backward(const BackwardCall& call, const BatchPlan& plan, void* scratch,
              ParallelFor parallel_for) {
  with_shape(plan.shape, [&]<class R, Cell C>() {
    Backward<R, C>(call, plan, scratch).run(parallel_for);
  });
}

std::size_t stepper_bytes(const Shape& shape, std::int64_t num_rows) {
  return with_shape(shape, [&]<class R, Cell C>() {
    return Steps<R, C>(shape, num_rows, nullptr).bytes();
  });
}

void stepper_pack(const Shape& shape, std::int64_t num_rows,
                  const Weights& weights, void* memory) {
  with_shape(shape, [&]<class R, Cell C>() {
    Steps<R, C>(shape, num_rows, memory).pack(weights);
  });
}

void stepper_step(const Shape& shape, std::int64_t num_rows, void* memory,
                  const void* input, void* h, void* c) {
  with_shape(shape, [&]<class R, Cell C>() {
    Steps<R, C>(shape, num_rows, memory)
        .step(static_cast<const R*>(input), static_cast<R*>(h),
              static_cast<R*>(c));
  });
}

#ifdef TIDEGATE_TEST_KERNELS
template <class R>
void apply_to(int function, const R* input, R* output, Index count) {
  const FlushDenormals flush;
  for (Index i = 0; i < count; i += kWidth<R>) {
    const Vec<R> x = load(input + i, count - i);
    const Vec<R> y = function == 0   ? exp<R>(x)
                     : function == 1 ? tanh<R>(x)
                                     : sigmoid<R>(x);
    store(output + i, y, count - i);
  }
}

void apply(int function, Dtype dtype, const void* input, void* output,
           std::int64_t count) {
  if (dtype == Dtype::float32) {
    apply_to(function, static_cast<const float*>(input),
             static_cast<float*>(output), count);
  } else {
    apply_to(function, static_cast<const double*>(input),
             static_cast<double*>(output), count);
  }
}
#endif

// Chains enough to hide the latency on every processor, none waiting for
// memory.
template <class R>
std::int64_t multiply_add_round(std::int64_t rounds, void* sink) {
  constexpr int kChains = kRegisters == 32 ? 24 : 12;
  Vec<R> sum[kChains];
  for (int i = 0; i < kChains; ++i) sum[i] = splat(R(i));
  const Vec<R> a = splat(R(0.5));
  const Vec<R> b = splat(R(1));
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 32
    for (int i = 0; i < kChains; ++i) sum[i] = fma(sum[i], a, b);
  }
  Vec<R> all{};
  for (int i = 0; i < kChains; ++i) all += sum[i];
  store(static_cast<R*>(sink), all, 1);
  return 2 * kChains * kWidth<R>;
}

std::int64_t fma_round(Dtype dtype, std::int64_t rounds, void* sink) {
  return dtype == Dtype::float32 ? multiply_add_round<float>(rounds, sink)
                                 : multiply_add_round<double>(rounds, sink);
}

// Calls body.template operator()<R>() for a dtype.
template <class Body>
auto with_dtype(Dtype dtype, const Body& body) {
  return dtype == Dtype::float32 ? body.template operator()<float>()
                                 : body.template operator()<double>();
}

void step_of_adam(Dtype dtype, void* param, const void* grad, void* m, void* v,
                  std::int64_t count, const void* numbers) {
  with_dtype(dtype, [&]<class R>() {
    adam_step(static_cast<R*>(param), static_cast<const R*>(grad),
              static_cast<R*>(m), static_cast<R*>(v), count,
              *static_cast<const AdamNumbers<R>*>(numbers));
  });
}

void places_of_adam(Dtype dtype, void* param, const void* grad, void* m, void* v,
                    std::int64_t count, const std::int64_t* places,
                    std::int64_t num_places, const void* numbers) {
  with_dtype(dtype, [&]<class R>() {
    adam_places(static_cast<R*>(param), static_cast<const R*>(grad),
                static_cast<R*>(m), static_cast<R*>(v), count, places,
                num_places, *static_cast<const AdamNumbers<R>*>(numbers));
  });
}

void replay_of_adam(Dtype dtype, void* param, void* m, void* v,
                    std::int64_t count, const void* numbers,
                    const void* windows, std::int64_t begin,
                    std::int64_t end) {
  with_dtype(dtype, [&]<class R>() {
    adam_replay(static_cast<R*>(param), static_cast<R*>(m), static_cast<R*>(v),
                count, static_cast<const AdamNumbers<R>*>(numbers),
                static_cast<const AdamWindow<R>*>(windows), begin, end);
  });
}

double squares_of(Dtype dtype, const void* x, std::int64_t count) {
  return with_dtype(dtype, [&]<class R>() {
    return squares(static_cast<const R*>(x), count);
  });
}

void multiply_by(Dtype dtype, void* x, std::int64_t count, double factor) {
  with_dtype(dtype, [&]<class R>() {
    multiplied(static_cast<R*>(x), count, static_cast<R>(factor));
  });
}

void pool_row_of(const PoolCall& call, std::int64_t row, std::int64_t begin,
                 std::int64_t end) {
  with_dtype(call.dtype,
             [&]<class R>() { pool_row<R>(call, row, begin, end); });
}

void unpool_steps_of(const UnpoolCall& call, std::int64_t row,
                     std::int64_t begin, std::int64_t end) {
  with_dtype(call.dtype,
             [&]<class R>() { unpool_steps<R>(call, row, begin, end); });
}

}  // namespace

const Kernels& kernels() noexcept {
  static constexpr Kernels kTable{
      .forward_bytes = forward_bytes,
      .forward = forward,
      .backward_bytes = backward_bytes,
      .backward = backward,
      .stepper_bytes = stepper_bytes,
      .stepper_pack = stepper_pack,
      .stepper_step = stepper_step,
#ifdef TIDEGATE_TEST_KERNELS
      .apply = apply,
#endif
      .fma_round = fma_round,
      .adam_step = step_of_adam,
      .adam_places = places_of_adam,
      .adam_replay = replay_of_adam,
      .squares = squares_of,
      .multiply = multiply_by,
      .pool_row = pool_row_of,
      .unpool_steps = unpool_steps_of,
      .keep_mask = keep_mask,
  };
  return kTable;
}

}  // namespace tidegate::TIDEGATE_ISA
