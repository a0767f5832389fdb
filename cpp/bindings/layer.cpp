// The layer's door for Python: addresses as integers, so that torch's
// data_ptr() and NumPy's ctypes.data both serve. Nothing here is checked that
// the engine checks.
#include "bindings/binding_utils.hpp"
#include "bindings/bindings.hpp"

#include <nanobind/ndarray.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "engine/cell_sizes.hpp"
#include "engine/layer.hpp"
#include "engine/scratch.hpp"

namespace nb = nanobind;

namespace tidegate {
namespace {

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

/// The member of a call, or of one of its members.
template <auto Member, class Call>
auto& member(Call& call) {
  return call.*Member;
}
template <auto Outer, auto Inner, class Call>
auto& member(Call& call) {
  return call.*Outer.*Inner;
}

/// An address in a call, as a property.
template <auto... Path, class Call>
void address(nb::class_<Call>& type, const char* name) {
  type.def_prop_rw(
      name,
      [](const Call& call) {
        return reinterpret_cast<std::uintptr_t>(member<Path...>(call));
      },
      [](Call& call, Address value) {
        auto& to = member<Path...>(call);
        using Pointer = std::remove_reference_t<decltype(to)>;
        to = reinterpret_cast<Pointer>(value.value);
      });
}

/// A number in a call, as a property.
template <auto... Path, class Call>
void count(nb::class_<Call>& type, const char* name) {
  type.def_prop_rw(
      name, [](const Call& call) { return member<Path...>(call); },
      [](Call& call, Count value) { member<Path...>(call) = value; });
}

/// What forward and backward calls have in common.
template <class Call>
void bind_common(nb::class_<Call>& type) {
  type.def(nb::init<>());
  type.def_rw("reverse", &Call::reverse);
  address<&Call::input, &Input::vectors>(type, "input");
  count<&Call::input, &Input::stride>(type, "input_stride");
  address<&Call::input, &Input::table>(type, "table");
  address<&Call::weights, &Weights::weight_ih>(type, "weight_ih");
  address<&Call::weights, &Weights::weight_hh>(type, "weight_hh");
  address<&Call::h_0>(type, "h_0");
  address<&Call::c_0>(type, "c_0");
  address<&Call::output>(type, "output");
  count<&Call::output_stride>(type, "output_stride");
  address<&Call::reserve>(type, "reserve");
}

void bind_forward(nb::module_& m) {
  nb::class_<ForwardCall> type(
      m, "ForwardCall",
      "What layer_forward reads and writes; addresses are integers, 0 for none.\n\n"
      "The vector of row n at step t stands at base + (row_offset[n] + step_offset[t]) *\n"
      "stride, with strides in elements. table is (num_embeddings, input_size). h_0, c_0,\n"
      "h_n and c_n are (num_rows, hidden_size), and c alone the LSTM's. reserve, of\n"
      "reserve_bytes(), is kept for layer_backward; 0 for inference.");
  bind_common(type);
  address<&ForwardCall::weights, &Weights::bias_ih>(type, "bias_ih");
  address<&ForwardCall::weights, &Weights::bias_hh>(type, "bias_hh");
  address<&ForwardCall::h_n>(type, "h_n");
  address<&ForwardCall::c_n>(type, "c_n");
}

void bind_backward(nb::module_& m) {
  nb::class_<BackwardCall> type(
      m, "BackwardCall",
      "What layer_backward reads and writes, beside what its forward call had.\n\n"
      "Addresses of gradients that come in may be 0 for zeros, those that go out 0 where\n"
      "not wanted; what goes out is written, except that add_to_grad_input adds. reserve is\n"
      "not changed: calling twice gives the same. grad_table_ids (int64) and grad_table_rows\n"
      "(each input_size long) have room for as many tokens as layer_forward returned; the\n"
      "tokens come out ascending.");
  bind_common(type);
  address<&BackwardCall::grad_output>(type, "grad_output");
  count<&BackwardCall::grad_output_stride>(type, "grad_output_stride");
  address<&BackwardCall::grad_h_n>(type, "grad_h_n");
  address<&BackwardCall::grad_c_n>(type, "grad_c_n");
  address<&BackwardCall::grad_input>(type, "grad_input");
  count<&BackwardCall::grad_input_stride>(type, "grad_input_stride");
  type.def_rw("add_to_grad_input", &BackwardCall::add_to_grad_input);
  address<&BackwardCall::grad_table_ids>(type, "grad_table_ids");
  address<&BackwardCall::grad_table_rows>(type, "grad_table_rows");
  address<&BackwardCall::grad_weight_ih>(type, "grad_weight_ih");
  address<&BackwardCall::grad_weight_hh>(type, "grad_weight_hh");
  address<&BackwardCall::grad_bias_ih>(type, "grad_bias_ih");
  address<&BackwardCall::grad_bias_hh>(type, "grad_bias_hh");
  address<&BackwardCall::grad_h_0>(type, "grad_h_0");
  address<&BackwardCall::grad_c_0>(type, "grad_c_0");
}

void bind_plan(nb::module_& m) {
  using namespace nb::literals;
  nb::class_<LayerPlan>(
      m, "LayerPlan",
      "What is worked out about a batch before a layer runs over it: once for both\n"
      "directions, forward and backward. Addresses are integers, 0 for none.\n\n"
      "row_offset and step_offset are int64 of shapes (num_rows,) and (num_steps,), lengths\n"
      "int64 (num_rows,), 0 for full rows; pad writes zeros past a row's end. Ids are int64,\n"
      "where vectors would stand, with stride 1. All of these must live as long as the plan.\n"
      "has_state says whether calls will pass h_0 or c_0. The sizes are trusted; tokens and\n"
      "lengths are checked. See cpp/engine/layer.hpp.")
      .def(
          "__init__",
          [](LayerPlan* self, const char* cell, const char* dtype,
             Count num_rows, Count num_steps, Count input_size,
             Count hidden_size, Address row_offset, Address step_offset,
             Address lengths, bool pad, Address ids, Count num_embeddings,
             bool has_state, bool forwards, bool backwards) {
            const PlanCall call{
                .shape = shape_of(cell, dtype, input_size, hidden_size),
                .positions = {.num_rows = num_rows,
                              .num_steps = num_steps,
                              .row_offset = pointer<const std::int64_t>(row_offset),
                              .step_offset = pointer<const std::int64_t>(step_offset),
                              .lengths = pointer<const std::int64_t>(lengths),
                              .pad = pad},
                .tokens = {.ids = pointer<const std::int64_t>(ids),
                           .num_embeddings = num_embeddings},
                .has_state = has_state,
                .forwards = forwards,
                .backwards = backwards};
            const Unlocked unlocked;
            new (self) LayerPlan(call);
          },
          nb::kw_only(), "cell"_a, "dtype"_a, "num_rows"_a, "num_steps"_a,
          "input_size"_a, "hidden_size"_a, "row_offset"_a, "step_offset"_a,
          "lengths"_a = 0, "pad"_a = false, "ids"_a = 0,
          "num_embeddings"_a = 0, "has_state"_a = false, "forwards"_a = true,
          "backwards"_a = false);
}

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

  bind_plan(m);
  bind_forward(m);
  bind_backward(m);
  // The call is copied: another thread may change it in the meantime.
  m.def(
      "layer_forward",
      [](const LayerPlan& plan, const ForwardCall& given) {
        const ForwardCall call = given;
        const Unlocked unlocked;
        return forward(plan, call);
      },
      "plan"_a, "call"_a,
      "Run one layer in one direction over a whole batch. Returns the number of distinct\n"
      "tokens, 0 without ids.");
  m.def(
      "layer_backward",
      [](const LayerPlan& plan, const BackwardCall& given) {
        const BackwardCall call = given;
        const Unlocked unlocked;
        return backward(plan, call);
      },
      "plan"_a, "call"_a,
      "The gradients of one layer_forward, which had training memory (reserve). Returns the\n"
      "number of distinct tokens.");

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
