// What the bindings share: addresses, names, and the way out of Python's lock.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "engine/layer.hpp"

namespace tidegate {

/// Gives up Python's lock while it lives. When the interpreter ends in the
/// meantime, asking for the lock unwinds a daemon thread, which no destructor
/// survives: the thread stops here instead until the process is gone.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  ~Unlocked() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

using Address = std::uintptr_t;
using Count = std::int64_t;

template <class T = void>
T* pointer(Address address) {
  return reinterpret_cast<T*>(address);
}

inline Dtype dtype_named(std::string_view text) {
  if (text == "float32") return Dtype::float32;
  if (text == "float64") return Dtype::float64;
  throw std::invalid_argument(
      "engine: expected dtype of float32 or float64, got " +
      std::string(text));
}

}  // namespace tidegate
