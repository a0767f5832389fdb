// What the engine runs on: processor, instruction set, threads.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include "bindings/binding_utils.hpp"
#include "bindings/bindings.hpp"
#include "engine/cpu.hpp"
#include "engine/isa.hpp"
#include "engine/openmp.hpp"
#include "engine/pool.hpp"

namespace nb = nanobind;

namespace {

std::vector<std::string> names(const std::vector<tidegate::Isa>& isas) {
  std::vector<std::string> names;
  for (const auto isa : isas) names.emplace_back(tidegate::name(isa));
  return names;
}

}  // namespace

void bind_settings(nb::module_& m) {
  m.def(
      "supported_isas", [] { return names(tidegate::supported_isas()); },
      "Names of the instruction sets this machine supports, the narrowest "
      "first.");
  m.def(
      "usable_isas", [] { return names(tidegate::usable_isas()); },
      "What use_isa accepts: the supported instruction sets, and 'lowered' "
      "where it runs.");
  m.def(
      "active_isa", [] { return tidegate::name(tidegate::active_isa()); },
      "Name of the instruction set in use.");
  m.def(
      "use_isa",
      [](std::string_view name) { tidegate::use_isa(name); },
      nb::arg("name"),
      "Choose the instruction set of all calls from now on; ValueError when "
      "the machine cannot run it.");

  m.def("cpu_name", &tidegate::cpu_name,
        "The processor's own name of itself, empty where it gives none.");
  m.def("num_threads", &tidegate::num_threads,
        "Upper bound on the threads that one call works on.");
  m.def(
      "set_num_threads",
      [](tidegate::Integer<int> num) { tidegate::set_num_threads(num); },
      nb::arg("num"),
        "Set that bound; ValueError unless it is from 1 to 1024.");
  m.def("share_openmp", &tidegate::share_openmp,
        "Work on the process's OpenMP threads from now on; whether it has any.");
}
