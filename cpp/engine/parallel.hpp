// A loop over tasks, on the pool where that pays.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/pool.hpp"

namespace tidegate {

/// A task's elements where work is done element by element: some microseconds,
/// and arrays that stay in a first-level cache.
inline constexpr std::int64_t kPiece = 8192;

/// Calls body(index) for every index in 0 .. count-1, on several threads where
/// there are elements enough to be worth waking one. body must not throw.
template <class Body>
void parallel(std::size_t count, std::int64_t elements, const Body& body) {
  if (elements < 2 * kPiece) {
    for (std::size_t index = 0; index < count; ++index) body(index);
    return;
  }
  parallel_for(
      count,
      [](void* context, std::size_t index) noexcept {
        (*static_cast<const Body*>(context))(index);
      },
      const_cast<Body*>(&body));
}

}  // namespace tidegate
