// Streams for Python: one step a call, on arrays that are checked at each.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "bindings/binding_utils.hpp"
#include "bindings/bindings.hpp"
#include "engine/layer.hpp"

namespace nb = nanobind;

namespace tidegate {
namespace {

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

void bind_stepper(nb::module_& m) {
  using namespace nb::literals;
  using namespace tidegate;

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
}
