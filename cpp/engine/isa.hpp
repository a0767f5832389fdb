// Which instruction set the kernels use: one for the whole process.
#pragma once

#include <string_view>
#include <vector>

#include "engine/cpu.hpp"

namespace tidegate {

/// What use_isa accepts on this machine: the supported instruction sets, then
/// Isa::lowered where it runs.
std::vector<Isa> usable_isas();

/// The instruction set in use: the widest supported until use_isa says
/// otherwise.
Isa active_isa() noexcept;

/// Chooses the instruction set of every call that starts from now on, in all
/// threads. Throws std::invalid_argument when the machine cannot run it; the
/// message lists what it can.
void use_isa(Isa isa);

/// The same by name. Throws also for a name that is none.
void use_isa(std::string_view name);

}  // namespace tidegate
