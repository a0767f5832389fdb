// The layer's door for Python: addresses as integers, so that torch's
// data_ptr() and NumPy's ctypes.data both serve. Nothing here is checked that
// the engine checks.
#include "bindings/binding_utils.hpp"
#include "bindings/bindings.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "engine/cell_sizes.hpp"
#include "engine/layer.hpp"
#include "engine/scratch.hpp"

namespace nb = nanobind;

namespace tidegate {
namespace {

Cell cell_named(std::string_view text) {
  if (text == "rnn_tanh") return Cell::rnn_tanh;
  if (text == "rnn_relu") return Cell::rnn_relu;
  if (text == "lstm") return Cell::lstm;
  if (text == "gru_after") return Cell::gru_after;
  if (text == "gru_before") return Cell::gru_before;
  throw std::invalid_argument(
      "engine: expected cell of rnn_tanh, rnn_relu, lstm, gru_after or "
      "gru_before, got " +
      std::string(text));
}

Shape shape_of(const char* cell, const char* dtype, Count input_size,
               Count hidden_size) {
  return {cell_named(cell), dtype_named(dtype), input_size, hidden_size};
}

Positions positions_of(Count num_rows, Count num_steps, Address row_offset,
                       Address step_offset, Address lengths, bool reverse,
                       bool pad) {
  return {num_rows,
          num_steps,
          pointer<const std::int64_t>(row_offset),
          pointer<const std::int64_t>(step_offset),
          pointer<const std::int64_t>(lengths),
          reverse,
          pad};
}

/// Bytes for a reserve, which go back to those kept when the array dies.
nb::ndarray<nb::numpy, std::uint8_t, nb::ndim<1>> kept_memory(
    Integer<std::size_t> num_bytes) {
  auto block = std::make_unique<Scratch>(num_bytes);
  void* const data = block->data();
  nb::capsule owner(block.get(), [](void* address) noexcept {
    delete static_cast<Scratch*>(address);
  });
  static_cast<void>(block.release());
  return {data, {num_bytes.value}, owner};
}

Input input_of(Address input, Count input_stride, Address ids, Address table,
               Count num_embeddings) {
  return {pointer(input), input_stride, pointer<const std::int64_t>(ids),
          pointer(table), num_embeddings};
}

std::int64_t layer_forward(const char* cell, const char* dtype, Count num_rows,
                    Count num_steps, Count input_size, Count hidden_size,
                    Address row_offset, Address step_offset, Address lengths,
                    bool reverse, bool pad, Address input, Count input_stride,
                    Address ids, Address table, Count num_embeddings,
                    Address weight_ih, Address weight_hh, Address bias_ih,
                    Address bias_hh, Address h_0, Address c_0, Address output,
                    Count output_stride, Address h_n, Address c_n,
                    Address reserve) {
  ForwardCall call;
  call.shape = shape_of(cell, dtype, input_size, hidden_size);
  call.positions = positions_of(num_rows, num_steps, row_offset, step_offset,
                                lengths, reverse, pad);
  call.input = input_of(input, input_stride, ids, table, num_embeddings);
  call.weights = {pointer(weight_ih), pointer(weight_hh), pointer(bias_ih),
                  pointer(bias_hh)};
  call.h_0 = pointer(h_0);
  call.c_0 = pointer(c_0);
  call.output = pointer(output);
  call.output_stride = output_stride;
  call.h_n = pointer(h_n);
  call.c_n = pointer(c_n);
  call.reserve = pointer(reserve);
  const Unlocked unlocked;
  return forward(call);
}

std::int64_t layer_backward(
    const char* cell, const char* dtype, Count num_rows, Count num_steps,
    Count input_size, Count hidden_size, Address row_offset,
    Address step_offset, Address lengths, bool reverse, bool pad,
    Address input, Count input_stride, Address ids, Address table,
    Count num_embeddings, Address weight_ih, Address weight_hh, Address h_0,
    Address c_0, Address output, Count output_stride, Address reserve,
    Address grad_output, Count grad_output_stride, Address grad_h_n,
    Address grad_c_n, Address grad_input, Count grad_input_stride,
    bool add_to_grad_input, Address grad_table_ids, Address grad_table_rows,
    Address grad_weight_ih, Address grad_weight_hh, Address grad_bias_ih,
    Address grad_bias_hh, Address grad_h_0, Address grad_c_0) {
  BackwardCall call;
  call.shape = shape_of(cell, dtype, input_size, hidden_size);
  call.positions = positions_of(num_rows, num_steps, row_offset, step_offset,
                                lengths, reverse, pad);
  call.input = input_of(input, input_stride, ids, table, num_embeddings);
  call.weights = {pointer(weight_ih), pointer(weight_hh), nullptr, nullptr};
  call.h_0 = pointer(h_0);
  call.c_0 = pointer(c_0);
  call.output = pointer(output);
  call.output_stride = output_stride;
  call.reserve = pointer(reserve);
  call.grad_output = pointer(grad_output);
  call.grad_output_stride = grad_output_stride;
  call.grad_h_n = pointer(grad_h_n);
  call.grad_c_n = pointer(grad_c_n);
  call.grad_input = pointer(grad_input);
  call.grad_input_stride = grad_input_stride;
  call.add_to_grad_input = add_to_grad_input;
  call.grad_table_ids = pointer<std::int64_t>(grad_table_ids);
  call.grad_table_rows = pointer(grad_table_rows);
  call.grad_weight_ih = pointer(grad_weight_ih);
  call.grad_weight_hh = pointer(grad_weight_hh);
  call.grad_bias_ih = pointer(grad_bias_ih);
  call.grad_bias_hh = pointer(grad_bias_hh);
  call.grad_h_0 = pointer(grad_h_0);
  call.grad_c_0 = pointer(grad_c_0);
  const Unlocked unlocked;
  return backward(call);
}

/// The engine's stepper behind the checks that keep a wrong array from being
/// read as memory.
class BoundStepper {
 public:
  using Array = nb::ndarray<nb::c_contig, nb::device::cpu>;
  using Input = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;

  BoundStepper(const char* cell, const char* dtype, Count num_rows,
               Count input_size, Count hidden_size, Address weight_ih,
               Address weight_hh, Address bias_ih, Address bias_hh)
      : stepper_(shape_of(cell, dtype, input_size, hidden_size), num_rows,
                 {pointer(weight_ih), pointer(weight_hh), pointer(bias_ih),
                  pointer(bias_hh)}) {}

  void step(const Input& input, const Array& h,
            const std::optional<Array>& c) {
    check("input", input, stepper_.shape().input_size);
    check("h", h, stepper_.shape().hidden_size);
    const bool is_lstm = stepper_.shape().cell == Cell::lstm;
    if (is_lstm != c.has_value()) {
      throw std::invalid_argument(is_lstm ? "Stepper: expected c, got none"
                                          : "Stepper: expected no c, got one");
    }
    if (c) check("c", *c, stepper_.shape().hidden_size);
    stepper_.step(input.data(), h.data(), c ? c->data() : nullptr);
  }

 private:
  template <class A>
  void check(const char* name, const A& array, std::int64_t size) const {
    const auto dtype = stepper_.shape().dtype == Dtype::float32
                           ? nb::dtype<float>()
                           : nb::dtype<double>();
    if (array.dtype() != dtype) {
      throw std::invalid_argument(std::string("Stepper: expected ") + name +
                                  " of the weights' dtype, got another");
    }
    const std::int64_t rows = stepper_.num_rows();
    const bool fits = array.ndim() == 2
                          ? static_cast<std::int64_t>(array.shape(0)) == rows &&
                                static_cast<std::int64_t>(array.shape(1)) == size
                          : array.ndim() == 1 && rows == 1 &&
                                static_cast<std::int64_t>(array.shape(0)) == size;
    if (fits) {
      if (array.size() == 0 || array.data() != nullptr) return;
      throw std::invalid_argument(std::string("Stepper: expected ") + name +
                                  " with memory, got none");
    }
    std::string got;
    for (std::size_t i = 0; i < array.ndim(); ++i) {
      got += (i == 0 ? "" : ", ") + std::to_string(array.shape(i));
    }
    throw std::invalid_argument(std::string("Stepper: expected ") + name +
                                " of shape (" + std::to_string(rows) + ", " +
                                std::to_string(size) + "), got (" + got + ")");
  }

  Stepper stepper_;
};

}  // namespace

}  // namespace tidegate

void bind_layer(nb::module_& m) {
  using namespace nb::literals;
  using namespace tidegate;

  m.def(
      "num_gates",
      [](const char* cell) {
        return kCellSizes[static_cast<std::size_t>(cell_named(cell))].gates;
      },
      nb::kw_only(), "cell"_a,
      "Gates of a cell, G: its weights have G * H rows.");

  m.def(
      "reserve_bytes",
      [](const char* cell, const char* dtype, Count hidden_size,
         Count num_positions) {
        return reserve_bytes(shape_of(cell, dtype, {}, hidden_size),
                             num_positions);
      },
      nb::kw_only(), "cell"_a, "dtype"_a, "hidden_size"_a, "num_positions"_a,
      "Bytes that forward keeps for backward over num_positions real positions "
      "(the sum\nof the lengths).");

  m.def("kept_memory", &kept_memory, nb::kw_only(), "num_bytes"_a,
        "An uint8 array of memory that is kept for the next call when nobody "
        "has it any more,\nwith whatever was in it. MemoryError where there is "
        "none.");

  m.def("layer_forward", &layer_forward, nb::kw_only(), "cell"_a, "dtype"_a,
        "num_rows"_a, "num_steps"_a, "input_size"_a, "hidden_size"_a,
        "row_offset"_a, "step_offset"_a, "lengths"_a = 0, "reverse"_a = false,
        "pad"_a = false, "input"_a = 0, "input_stride"_a = 0, "ids"_a = 0,
        "table"_a = 0, "num_embeddings"_a = 0, "weight_ih"_a, "weight_hh"_a,
        "bias_ih"_a = 0, "bias_hh"_a = 0, "h_0"_a = 0, "c_0"_a = 0,
        "output"_a, "output_stride"_a, "h_n"_a, "c_n"_a = 0, "reserve"_a = 0,
        R"(One layer, one direction, a whole batch; addresses are integers, 0 for none.

The vector of row n at step t stands at base + (row_offset[n] + step_offset[t]) * stride, with
strides in elements and offsets int64 of shapes (num_rows,) and (num_steps,). Ids are int64 at the
same positions with stride 1, and table is (num_embeddings, input_size). lengths is int64
(num_rows,), 0 for full rows; pad writes zeros past a row's end. h_0, c_0, h_n and c_n are
(num_rows, hidden_size), and c alone the LSTM's. reserve, of reserve_bytes(), is kept for
layer_backward; 0 for inference. Returns the number of distinct tokens, 0 without ids.

The sizes are trusted; tokens and lengths are checked. See cpp/engine/layer.hpp.)");

  m.def("layer_backward", &layer_backward, nb::kw_only(), "cell"_a, "dtype"_a,
        "num_rows"_a, "num_steps"_a, "input_size"_a, "hidden_size"_a,
        "row_offset"_a, "step_offset"_a, "lengths"_a = 0, "reverse"_a = false,
        "pad"_a = false, "input"_a = 0, "input_stride"_a = 0, "ids"_a = 0,
        "table"_a = 0, "num_embeddings"_a = 0, "weight_ih"_a, "weight_hh"_a,
        "h_0"_a = 0, "c_0"_a = 0, "output"_a, "output_stride"_a, "reserve"_a,
        "grad_output"_a = 0, "grad_output_stride"_a = 0, "grad_h_n"_a = 0,
        "grad_c_n"_a = 0, "grad_input"_a = 0, "grad_input_stride"_a = 0,
        "add_to_grad_input"_a = false, "grad_table_ids"_a = 0,
        "grad_table_rows"_a = 0, "grad_weight_ih"_a = 0,
        "grad_weight_hh"_a = 0, "grad_bias_ih"_a = 0, "grad_bias_hh"_a = 0,
        "grad_h_0"_a = 0, "grad_c_0"_a = 0,
        R"(The gradients of one layer_forward, which had training memory (reserve).

Addresses of gradients that come in may be 0 for zeros, those that go out 0 where not wanted; what
goes out is written, except that add_to_grad_input adds. reserve is not changed: calling twice
gives the same. grad_table_ids (int64) and grad_table_rows (each input_size long) have room for as
many tokens as layer_forward returned; the tokens come out ascending. Returns that number.)");

  nb::class_<BoundStepper>(m, "Stepper",
                           "One step at a time with weights packed once.")
      .def(nb::init<const char*, const char*, Count, Count, Count, Address,
                    Address, Address, Address>(),
           nb::kw_only(), "cell"_a, "dtype"_a, "num_rows"_a, "input_size"_a,
           "hidden_size"_a, "weight_ih"_a, "weight_hh"_a, "bias_ih"_a = 0,
           "bias_hh"_a = 0)
      .def("step", &BoundStepper::step, nb::arg("input").noconvert(),
           nb::arg("h").noconvert(), nb::arg("c").noconvert() = nb::none(),
           // Arrays of any dtype come in; the check says which was expected.
           nb::sig("def step(self, input: object, h: object, "
                   "c: object = None) -> None"),
           "Read input (N, I) and advance h (N, H) and, for the LSTM, c (N, H) "
           "in place.");

#ifdef TIDEGATE_TEST_KERNELS
  m.def(
      "apply",
      [](const char* function, const char* dtype, Address input,
         Address output, Count count) {
        const auto type = dtype_named(dtype);
        const Unlocked unlocked;
        apply(function, type, pointer(input), pointer(output), count);
      },
      "function"_a, "dtype"_a, "input"_a, "output"_a, "count"_a,
      "A gate function of the kernels (exp, tanh or sigmoid) over an array; in builds with\n"
      "TIDEGATE_TEST_KERNELS alone.");
#endif

  m.def(
      "fma_peak",
      [](const char* dtype, double seconds) {
        const auto type = dtype_named(dtype);
        const Unlocked unlocked;
        return fma_peak(type, seconds);
      },
      "dtype"_a = "float32", "seconds"_a = 0.2,
      "GFLOP/s of fused multiply-adds on registers, measured on the active "
      "threads.");
}
