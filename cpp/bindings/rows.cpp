// The doors of pooling and of dropout's masks: addresses as integers, which the
// callers vouch for.
#include <nanobind/nanobind.h>

#include "bindings/binding_utils.hpp"
#include "bindings/bindings.hpp"
#include "engine/masks.hpp"
#include "engine/pooling.hpp"

namespace nb = nanobind;

void bind_rows(nb::module_& m) {
  using namespace nb::literals;
  using namespace tidegate;

  m.def(
      "pool_rows",
      [](const char* dtype, Count num_rows, Count num_positions,
         Count num_features, Address offsets, Address values, Address mean,
         Address maxima, Count stride, Address first) {
        const PoolCall call{
            dtype_named(dtype),
            {num_rows, num_positions, num_features, pointer<std::int64_t>(offsets)},
            pointer(values),
            pointer(mean),
            pointer(maxima),
            stride,
            pointer<std::int64_t>(first)};
        const Unlocked unlocked;
        pool_rows(call);
      },
      nb::kw_only(), "dtype"_a, "num_rows"_a, "num_positions"_a,
      "num_features"_a, "offsets"_a, "values"_a, "mean"_a = 0, "maxima"_a = 0,
      "stride"_a, "first"_a = 0,
      "Mean, maximum, or both, of the rows of a flat batch: values (P, F), offsets int64\n"
      "(N+1,). Results (N, F), their rows `stride` elements apart, 0 where not wanted;\n"
      "first is int64 (N, F), where each maximum first stands. ValueError for offsets that\n"
      "do not ascend from 0 to P. See cpp/engine/pooling.hpp.");

  m.def(
      "unpool_rows",
      [](const char* dtype, Count num_rows, Count num_positions,
         Count num_features, Address offsets, Address grad_mean,
         Address grad_maxima, Count stride, Address first,
         Address grad_values) {
        const UnpoolCall call{
            dtype_named(dtype),
            {num_rows, num_positions, num_features, pointer<std::int64_t>(offsets)},
            pointer(grad_mean),
            pointer(grad_maxima),
            stride,
            pointer<std::int64_t>(first),
            pointer(grad_values)};
        const Unlocked unlocked;
        unpool_rows(call);
      },
      nb::kw_only(), "dtype"_a, "num_rows"_a, "num_positions"_a,
      "num_features"_a, "offsets"_a, "grad_mean"_a = 0, "grad_maxima"_a = 0,
      "stride"_a, "first"_a = 0, "grad_values"_a,
      "The gradient of pool_rows, (P, F), written; what comes in is as what came out, 0 for\n"
      "zeros.");

  m.def(
      "keep_mask",
      [](Integer<std::uint64_t> key, Integer<std::uint32_t> threshold, float scale, Address mask,
         Count count) {
        const MaskCall call{key, threshold, scale, pointer<float>(mask), count};
        const Unlocked unlocked;
        keep_mask(call);
      },
      nb::kw_only(), "key"_a, "threshold"_a, "scale"_a, "mask"_a, "count"_a,
      "A mask of dropout, float32 (count,): 0 where the draw of 16 bits is below the\n"
      "threshold, else the scale. The draws are those of numpy.random.Philox(key=key).");
}
