// The Python module tidegate._engine; only tidegate/engine.py imports it.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "engine/cpu.hpp"

namespace nb = nanobind;

NB_MODULE(_engine, m) {
  m.doc() = "The compiled engine of tidegate.";

  m.def(
      "supported_isas",
      [] {
        std::vector<std::string> names;
        for (const auto isa : tidegate::supported_isas()) {
          names.emplace_back(tidegate::name(isa));
        }
        return names;
      },
      "Names of the instruction sets this machine supports, the narrowest "
      "first.");

  m.def("cpu_name", &tidegate::cpu_name,
        "The processor's own name of itself, empty where it gives none.");
}
