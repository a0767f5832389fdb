// What the bindings share: addresses, names, and the way out of Python's lock.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <cstdint>
#include <limits>
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

/// An integer that comes from Python. One beyond the bits of T is refused with
/// what was asked for, where nanobind would find that no signature fits.
template <class T>
struct Integer {
  T value = 0;
  operator T() const { return value; }
};

using Address = Integer<std::uintptr_t>;
using Count = Integer<std::int64_t>;

template <class T = void>
T* pointer(std::uintptr_t address) {
  return reinterpret_cast<T*>(address);
}

inline Dtype dtype_named(std::string_view text) {
  if (text == "float32") return Dtype::float32;
  if (text == "float64") return Dtype::float64;
  throw std::invalid_argument(
      "engine: expected dtype of float32 or float64, got " +
      std::string(text));
}

inline Cell cell_named(std::string_view text) {
  if (text == "rnn_tanh") return Cell::rnn_tanh;
  if (text == "rnn_relu") return Cell::rnn_relu;
  if (text == "lstm") return Cell::lstm;
  if (text == "gru_after") return Cell::gru_after;
  if (text == "gru_before") return Cell::gru_before;
  throw std::invalid_argument(
      "engine: expected cell of rnn_tanh, rnn_relu, lstm, gru_after or "
      "gru_before, got " +
      std::string(text));
}

inline Shape shape_of(const char* cell, const char* dtype, Count input_size,
               Count hidden_size) {
  return {cell_named(cell), dtype_named(dtype), input_size, hidden_size};
}

}  // namespace tidegate

namespace nanobind::detail {

template <class T>
struct type_caster<tidegate::Integer<T>> {
  using Value = tidegate::Integer<T>;
  static constexpr auto Name = const_name("int");
  template <class>
  using Cast = Value;
  template <class>
  static constexpr bool can_cast() {
    return true;
  }

  bool from_python(handle source, std::uint32_t flags,
                   cleanup_list* cleanup) noexcept {
    fits_ = caster_.from_python(source, flags, cleanup);
    source_ = source;
    return fits_ || PyLong_Check(source.ptr());
  }

  operator Value() {
    if (fits_) return {caster_.value};
    using Limits = std::numeric_limits<T>;
    throw std::invalid_argument("engine: expected an integer from " +
                                std::to_string(Limits::min()) + " to " +
                                std::to_string(Limits::max()) + ", got " +
                                nanobind::str(source_).c_str());
  }

 private:
  make_caster<T> caster_;
  handle source_;
  bool fits_ = false;
};

}  // namespace nanobind::detail
