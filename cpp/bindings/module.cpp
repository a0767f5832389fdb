// The Python module tidegate._engine; only the package tidegate.engine imports it.
#include <nanobind/nanobind.h>

#include "bindings/bindings.hpp"

NB_MODULE(_engine, m) {
  m.doc() = "The compiled engine of tidegate.";
  bind_settings(m);
  bind_layer(m);
  bind_optim(m);
  bind_rows(m);
}
