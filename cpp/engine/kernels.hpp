// The kernels of the instruction set in use.
#pragma once

#include "engine/isa.hpp"
#include "kernels/dispatch.hpp"

namespace tidegate {

inline const Kernels& kernels_of(Isa isa) noexcept {
#ifdef TIDEGATE_X86_KERNELS
  switch (isa) {
    case Isa::avx2:
      return avx2::kernels();
    case Isa::avx512:
      return avx512::kernels();
    case Isa::lowered:
#ifdef TIDEGATE_TEST_KERNELS
      return lowered::kernels();
#endif
    case Isa::generic:
      break;
  }
#else
  static_cast<void>(isa);
#endif
  return generic::kernels();
}

}  // namespace tidegate
