// What Adam's two files share: elements and numbers of a dtype that is known at
// run time.
#pragma once

#include "engine/adam.hpp"

namespace tidegate {

inline std::size_t size_of(Dtype dtype) {
  return dtype == Dtype::float32 ? sizeof(float) : sizeof(double);
}

inline void* at(void* data, Dtype dtype, std::int64_t element) {
  return static_cast<char*>(data) +
         static_cast<std::size_t>(element) * size_of(dtype);
}
inline const void* at(const void* data, Dtype dtype, std::int64_t element) {
  return at(const_cast<void*>(data), dtype, element);
}

template <class R>
AdamNumbers<R> as(const AdamNumbers<double>& n) {
  return {static_cast<R>(n.decay), static_cast<R>(n.rate),
          static_cast<R>(n.scale), static_cast<R>(n.rest1),
          static_cast<R>(n.beta2), static_cast<R>(n.rest2),
          static_cast<R>(n.eps)};
}

// Numbers in the dtype of the arrays, for kernels that take them untyped.
struct Numbers {
  Numbers(Dtype dtype, const AdamNumbers<double>& numbers)
      : single(as<float>(numbers)), twice(numbers), dtype(dtype) {}
  const void* get() const {
    return dtype == Dtype::float32 ? static_cast<const void*>(&single)
                                   : static_cast<const void*>(&twice);
  }
  AdamNumbers<float> single;
  AdamNumbers<double> twice;
  Dtype dtype;
};

}  // namespace tidegate
