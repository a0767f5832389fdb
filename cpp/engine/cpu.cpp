#include "engine/cpu.hpp"

#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define TIDEGATE_X86 1
#endif

namespace tidegate {

const char* name(Isa isa) noexcept {
  switch (isa) {
    case Isa::avx512:
      return "avx512";
    case Isa::avx2:
      return "avx2";
    case Isa::generic:
      break;
  }
  return "generic";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> isas{Isa::generic};
#ifdef TIDEGATE_X86
  // The compiler's check also asks the operating system whether it saves the
  // wide registers.
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    isas.push_back(Isa::avx2);
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      isas.push_back(Isa::avx512);
    }
  }
#endif
  return isas;
}

std::string cpu_name() {
#ifdef TIDEGATE_X86
  // The brand string: 48 bytes in three leaves, padded with blanks and zeros.
  constexpr unsigned kFirstLeaf = 0x80000002U;
  constexpr unsigned kLastLeaf = 0x80000004U;
  if (__get_cpuid_max(0x80000000U, nullptr) < kLastLeaf) return {};
  char brand[49] = {};
  for (unsigned leaf = kFirstLeaf; leaf <= kLastLeaf; ++leaf) {
    unsigned registers[4];
    __get_cpuid(leaf, &registers[0], &registers[1], &registers[2],
                &registers[3]);
    std::memcpy(brand + 16 * (leaf - kFirstLeaf), registers, 16);
  }
  std::string text(brand);
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
#else
  return {};
#endif
}

}  // namespace tidegate
