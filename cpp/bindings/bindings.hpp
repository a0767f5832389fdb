// The parts of the module, one function a file.
#pragma once

#include <nanobind/nanobind.h>

void bind_settings(nanobind::module_& m);
void bind_layer(nanobind::module_& m);
void bind_stepper(nanobind::module_& m);
void bind_optim(nanobind::module_& m);
void bind_rows(nanobind::module_& m);
