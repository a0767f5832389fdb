// Philox4x64 of ten rounds, and the masks drawn by it.
//
// In plain integers: no instruction set here multiplies 64 bits by 64 into 128
// in vectors, and of four partial products it would be no faster.
#pragma once

#include "engine/masks.hpp"
#include "kernels/simd.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

__extension__ typedef unsigned __int128 Wide;

/// One block: four outputs for a counter (counter, 0, 0, 0) and key (key, 0).
TIDEGATE_INLINE void philox(std::uint64_t counter, std::uint64_t key,
                            std::uint64_t* outputs) {
  std::uint64_t x[4] = {counter, 0, 0, 0};
  std::uint64_t keys[2] = {key, 0};
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const Wide a = Wide{0xD2E7470EE14C6C93U} * x[0];
    const Wide b = Wide{0xCA5A826395121157U} * x[2];
    x[0] = static_cast<std::uint64_t>(b >> 64) ^ x[1] ^ keys[0];
    x[1] = static_cast<std::uint64_t>(b);
    x[2] = static_cast<std::uint64_t>(a >> 64) ^ x[3] ^ keys[1];
    x[3] = static_cast<std::uint64_t>(a);
    keys[0] += 0x9E3779B97F4A7C15U;
    keys[1] += 0xBB67AE8584CAA73BU;
  }
  for (int i = 0; i < 4; ++i) outputs[i] = x[i];
}

// The low end of an output is its first draw.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

/// The elements begin .. end - 1; begin is a block's.
void keep_mask(const MaskCall& call, std::int64_t begin, std::int64_t end) {
  constexpr Index kDraws = 1024;
  // Copies, which no write to the mask can change: the loop is in vectors.
  const std::uint32_t threshold = call.threshold;
  const float scale = call.scale;
  std::uint64_t outputs[kDraws / 4];
  std::uint16_t draws[kDraws];
  while (begin < end) {
    const Index count = end - begin < kDraws ? end - begin : kDraws;
    const auto first = static_cast<std::uint64_t>(begin / kMaskBlock) + 1;
    const Index num_blocks = (count + kMaskBlock - 1) / kMaskBlock;
    for (Index block = 0; block < num_blocks; ++block) {
      philox(first + static_cast<std::uint64_t>(block), call.key,
             outputs + 4 * block);
    }
    __builtin_memcpy(draws, outputs,
                     static_cast<std::size_t>(num_blocks * kMaskBlock) * 2);
    float* mask = call.mask + begin;
    for (Index i = 0; i < count; ++i) {
      mask[i] = draws[i] < threshold ? 0.0F : scale;
    }
    begin += count;
  }
}

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
