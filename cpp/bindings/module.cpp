// The Python module tidegate._engine; only the package tidegate.engine imports it.
#include <nanobind/nanobind.h>

#include "bindings/bindings.hpp"

namespace nb = nanobind;

NB_MODULE(_engine, m) {
  m.doc() = "The compiled engine of tidegate.";
  // Threads that the interpreter leaves behind at its end hold plans and calls.
  nb::set_leak_warnings(false);
  bind_settings(m);
  bind_layer(m);
  bind_stepper(m);
  bind_optim(m);
  bind_rows(m);
}
