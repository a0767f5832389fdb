// Masks of dropout, drawn by a counter-based generator: Philox4x64 of ten
// rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
// with the very bits that NumPy's has.
#pragma once

#include <cstdint>

namespace tidegate {

/// Element i is 0 where draw i, of 16 bits, is below the threshold, and else
/// the scale. Draws are the generator's outputs from their low ends upwards;
/// its counter begins at 1, as NumPy's does.
struct MaskCall {
  std::uint64_t key = 0;        ///< the low half of the key; the other is 0
  std::uint32_t threshold = 0;  ///< from 0 to 65,536
  float scale = 1;
  float* mask = nullptr;  ///< (count,), written
  std::int64_t count = 0;
};

/// No result depends on the number of threads or the instruction set.
void keep_mask(const MaskCall& call);

/// Elements of one block of the generator: four outputs of four draws.
inline constexpr std::int64_t kMaskBlock = 16;

}  // namespace tidegate
