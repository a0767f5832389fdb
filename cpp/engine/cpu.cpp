#include "engine/cpu.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

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
    case Isa::lowered:
      return "lowered";
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

namespace {

#if defined(__linux__)
// The processors of this thread's affinity, the threads of one core counted
// once; 0 where the system does not say.
int num_cores() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    const auto number = std::to_string(cpu);
    std::ifstream file("/sys/devices/system/cpu/cpu" + number +
                       "/topology/thread_siblings_list");
    std::string siblings;
    cores.insert(file >> siblings ? siblings : "alone " + number);
  }
  return static_cast<int>(cores.size());
}

// The processors' worth of time that the control group (version 2, as a
// container sees its own) grants, rounded up; 0 where it sets no bound.
int num_granted() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double quota_us = 0;
  double period_us = 0;
  if (!(file >> quota_us >> period_us) || period_us <= 0) return 0;
  return std::max(1, static_cast<int>((quota_us + period_us - 1) / period_us));
}
#endif

}  // namespace

int available_cores() {
  int cores = 0;
#if defined(__linux__)
  cores = num_cores();
  if (const int granted = num_granted(); granted > 0) {
    cores = std::min(cores, granted);
  }
#endif
  if (cores == 0) cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, cores);
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
