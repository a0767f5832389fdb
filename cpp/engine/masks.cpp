#include "engine/masks.hpp"

#include <algorithm>

#include "engine/kernels.hpp"
#include "engine/parallel.hpp"
#include "engine/sizes.hpp"

namespace tidegate {

void keep_mask(const MaskCall& call) {
  static_assert(kPiece % kMaskBlock == 0);
  product("a mask", {call.count, 8});
  require(call.count == 0 || call.mask != nullptr, "a mask, got none");
  const auto kernel = kernels_of(active_isa()).keep_mask;
  parallel(static_cast<std::size_t>((call.count + kPiece - 1) / kPiece),
           call.count, [&](std::size_t task) {
             const std::int64_t begin = static_cast<std::int64_t>(task) * kPiece;
             kernel(call, begin, std::min(begin + kPiece, call.count));
           });
}

}  // namespace tidegate
