// What the processor can run.
#pragma once

#include <string>
#include <vector>

namespace tidegate {

/// Instruction sets that kernels are compiled for, the narrowest first.
enum class Isa {
  generic,  ///< what every processor of the architecture has
  avx2,     ///< AVX2 and FMA
  avx512,   ///< AVX-512 F, BW, DQ and VL
};

/// The name users see and write, for example in TIDEGATE_ISA.
const char* name(Isa isa) noexcept;

/// The instruction sets that both processor and operating system support,
/// the narrowest first; never empty.
std::vector<Isa> supported_isas();

/// The processor's own name of itself, empty where it gives none.
std::string cpu_name();

}  // namespace tidegate
