#include "engine/isa.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

namespace tidegate {
namespace {

std::atomic<Isa> choice{supported_isas().back()};

[[noreturn]] void refuse(std::string_view wanted) {
  std::string text = "use_isa: expected one of";
  const char* separator = " ";
  for (const Isa isa : usable_isas()) {
    text.append(separator).append(name(isa));
    separator = ", ";
  }
  throw std::invalid_argument(
      text.append(" (what this machine supports), got '")
          .append(wanted)
          .append("'"));
}

}  // namespace

std::vector<Isa> usable_isas() {
  auto isas = supported_isas();
#ifdef TIDEGATE_TEST_KERNELS
  if (std::ranges::count(isas, Isa::avx2) != 0) isas.push_back(Isa::lowered);
#endif
  return isas;
}

Isa active_isa() noexcept { return choice.load(std::memory_order_relaxed); }

void use_isa(Isa isa) {
  if (std::ranges::count(usable_isas(), isa) == 0) refuse(name(isa));
  choice.store(isa, std::memory_order_relaxed);
}

void use_isa(std::string_view wanted) {
  for (const Isa isa : usable_isas()) {
    if (wanted == name(isa)) return use_isa(isa);
  }
  refuse(wanted);
}

}  // namespace tidegate
