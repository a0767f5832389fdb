// Checks of sizes that callers give, and what is thrown where they are too
// large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

namespace tidegate {

inline void require(bool holds, const char* expected) {
  if (!holds) {
    throw std::invalid_argument(std::string("engine: expected ") + expected);
  }
}

/// The product of sizes, for which std::length_error is thrown where one is
/// negative or their product is more than memory can address.
inline std::int64_t product(const char* what,
                            std::initializer_list<std::int64_t> sizes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 64;
  std::int64_t result = 1;
  bool fits = true;
  for (const auto size : sizes) {
    fits = fits && size >= 0 &&
           !__builtin_mul_overflow(result, size, &result) && result <= kMost;
  }
  if (fits) return result;
  std::string text;
  for (const auto size : sizes) {
    text += (text.empty() ? "" : " * ") + std::to_string(size);
  }
  throw std::length_error(std::string("engine: expected ") + what +
                          " that memory can hold, got " + text);
}

/// std::bad_alloc that says how much was asked for, and allocates nothing.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::size_t bytes) noexcept {
    std::snprintf(text_, sizeof(text_),
                  "engine: expected %zu bytes of memory, got none", bytes);
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[80];
};

}  // namespace tidegate
