// The optimiser's door for Python: addresses as integers, numbers as rows of
// seven doubles.
#include <nanobind/ndarray.h>

#include <vector>

#include "bindings/binding_utils.hpp"
#include "bindings/bindings.hpp"
#include "engine/adam.hpp"
#include "engine/sizes.hpp"

namespace nb = nanobind;

namespace tidegate {
namespace {

using Addresses = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig,
                              nb::device::cpu>;
using NumberRows = nb::ndarray<const double, nb::ndim<2>, nb::c_contig,
                               nb::device::cpu>;

/// Refuses counts below 0 or beyond memory, and arrays of elements at address 0.
void check_elements(std::int64_t count,
                    std::initializer_list<const void*> arrays) {
  product("elements", {count, 8});
  for (const void* array : arrays) {
    require(count == 0 || array != nullptr, "arrays, got an address of 0");
  }
}

const AdamNumbers<double>* numbers_of(const NumberRows& rows) {
  static_assert(sizeof(AdamNumbers<double>) == 7 * sizeof(double));
  require(rows.shape(1) == 7, "seven numbers a step, got others");
  return reinterpret_cast<const AdamNumbers<double>*>(rows.data());
}

std::vector<Span> spans_of(const Addresses& rows) {
  require(rows.shape(1) == 2, "an address and a count a span, got others");
  std::vector<Span> spans;
  for (std::size_t i = 0; i < rows.shape(0); ++i) {
    const std::int64_t* row = rows.data() + 2 * i;
    spans.push_back({pointer(static_cast<std::uintptr_t>(row[0])), row[1]});
    check_elements(row[1], {spans.back().data});
  }
  return spans;
}

void dense(const char* dtype, const Addresses& rows, const NumberRows& numbers) {
  require(rows.shape(1) == 5 && rows.shape(0) == numbers.shape(0),
          "four addresses and a count a part, and its numbers, got others");
  const Dtype type = dtype_named(dtype);
  const AdamNumbers<double>* all = numbers_of(numbers);
  std::vector<AdamPart> parts;
  for (std::size_t i = 0; i < rows.shape(0); ++i) {
    const std::int64_t* row = rows.data() + 5 * i;
    const auto address = [row](int k) {
      return pointer(static_cast<std::uintptr_t>(row[k]));
    };
    parts.push_back({address(0), address(1), address(2), address(3), row[4],
                     all[i]});
    check_elements(row[4], {address(0), address(1), address(2), address(3)});
  }
  const Unlocked unlocked;
  adam_dense(type, parts.data(), parts.size());
}

}  // namespace
}  // namespace tidegate

void bind_optim(nb::module_& m) {
  using namespace nb::literals;
  using namespace tidegate;

  m.def("adam_dense", &dense, "dtype"_a, "parts"_a.noconvert(),
        "numbers"_a.noconvert(),
        "One step of Adam on arrays. parts: int64 (n, 5), each row the addresses of\n"
        "parameter, gradient, m and v, and their elements; numbers: float64 (n, 7), as\n"
        "cpp/engine/adam.hpp has them.");

  nb::class_<AdamTable>(m, "AdamTable",
                        "A table, its moments (num_rows, width) and the step that each "
                        "row has made last,\nint64 (num_rows,), by their addresses.")
      .def(
          "__init__",
          [](AdamTable* self, const char* dtype, Count num_rows, Count width,
             Address param, Address moment1, Address moment2, Address row_step) {
            check_elements(num_rows, {pointer(row_step)});
            check_elements(product("a table", {num_rows, width}),
                           {pointer(param), pointer(moment1), pointer(moment2)});
            new (self) AdamTable{dtype_named(dtype), num_rows, width,
                                 pointer(param), pointer(moment1),
                                 pointer(moment2), pointer<std::int64_t>(row_step)};
          },
          nb::kw_only(), "dtype"_a, "num_rows"_a, "width"_a, "param"_a, "m"_a,
          "v"_a, "row_step"_a)
      .def(
          "check_rows",
          [](const AdamTable& table, Address ids, Count num_ids, Count step,
             bool may_repeat) {
            check_elements(num_ids, {pointer(ids)});
            const Unlocked unlocked;
            adam_check_rows(table, pointer<const std::int64_t>(ids), num_ids, step,
                            may_repeat);
          },
          "ids"_a, "num_ids"_a, "step"_a, "may_repeat"_a,
          "Raise ValueError unless the rows have all made this step and, where they may\n"
          "not repeat, are distinct; IndexError for an id outside the table.")
      .def(
          "step_rows",
          [](const AdamTable& table, Address ids, Count num_ids, Address grad,
             const NumberRows& numbers, Count step, bool may_repeat) {
            const AdamNumbers<double>* of_step = numbers_of(numbers);
            require(numbers.shape(0) == 1, "one step's numbers, got others");
            check_elements(num_ids, {pointer(ids)});
            check_elements(product("rows", {num_ids, table.width}),
                           {pointer(grad)});
            const Unlocked unlocked;
            const auto make_step = may_repeat ? adam_places : adam_rows;
            make_step(table, pointer<const std::int64_t>(ids), num_ids, pointer(grad),
                      *of_step, step);
          },
          "ids"_a, "num_ids"_a, "grad"_a, "numbers"_a.noconvert(), "step"_a,
          "may_repeat"_a,
          "Make a step of rows that check_rows has passed for the one before. Where they may\n"
          "repeat, m follows the sum of a row's gradients and v the sum of their squares.")
      .def(
          "catch_up",
          [](const AdamTable& table, Address ids, Count num_ids,
             const NumberRows& numbers, Count now) {
            const AdamNumbers<double>* all = numbers_of(numbers);
            product("ids", {num_ids, 8});
            const Unlocked unlocked;
            adam_catch_up(table, pointer<const std::int64_t>(ids), num_ids, all,
                          now + 1 - static_cast<std::int64_t>(numbers.shape(0)), now);
          },
          "ids"_a, "num_ids"_a, "numbers"_a.noconvert(), "now"_a,
          "Make the steps that rows missed up to `now`, with gradients of 0; ids of 0 for\n"
          "all rows. The last of numbers is of step `now`. IndexError for an id outside.");

  m.def(
      "sum_of_squares",
      [](const char* dtype, const Addresses& spans) {
        const Dtype type = dtype_named(dtype);
        const auto all = spans_of(spans);
        const Unlocked unlocked;
        return sum_of_squares(type, all.data(), all.size());
      },
      "dtype"_a, "spans"_a.noconvert(),
      "The sum of the squares of all elements, in double. spans: int64 (n, 2), address and\n"
      "elements.");
  m.def(
      "multiply",
      [](const char* dtype, const Addresses& spans, double factor) {
        const Dtype type = dtype_named(dtype);
        const auto all = spans_of(spans);
        const Unlocked unlocked;
        multiply(type, all.data(), all.size(), factor);
      },
      "dtype"_a, "spans"_a.noconvert(), "factor"_a,
      "Multiply all elements, in place.");
}
