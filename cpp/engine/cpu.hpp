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
  lowered,  ///< AVX-512's code compiled for AVX2: for tests on lesser machines
};

/// The name users see and write, for example in TIDEGATE_ISA.
const char* name(Isa isa) noexcept;

/// The instruction sets that both processor and operating system support,
/// the narrowest first; never empty, never with Isa::lowered.
std::vector<Isa> supported_isas();

/// The processor's own name of itself, empty where it gives none.
std::string cpu_name();

/// How many cores this process may use, at least 1: the processors of its
/// affinity, two threads of one core counted once, cut to the share of time
/// that its control group grants.
int available_cores();

}  // namespace tidegate
