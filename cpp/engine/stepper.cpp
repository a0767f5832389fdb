#include <cstdlib>
#include <new>
#include <stdexcept>

#include "engine/kernels.hpp"
#include "engine/layer.hpp"
#include "engine/sizes.hpp"

namespace tidegate {

Stepper::Stepper(const Shape& shape, std::int64_t num_rows,
                 const Weights& weights)
    : shape_(shape), num_rows_(num_rows), kernels_(&kernels_of(active_isa())) {
  if (num_rows < 1 || shape.hidden_size < 1 || shape.input_size < 0) {
    throw std::invalid_argument(
        "Stepper: expected num_rows and hidden_size of at least 1, got less");
  }
  product("weights", {8, shape.hidden_size + 64,
                      shape.input_size + shape.hidden_size + 64, 8});
  product("a batch",
          {num_rows, shape.input_size + 16 * (shape.hidden_size / 16 + 8), 16,
           8});
  require(weights.weight_hh != nullptr &&
              (weights.weight_ih != nullptr || shape.input_size == 0),
          "weight_ih and weight_hh, got none");
  const std::size_t bytes = kernels_->stepper_bytes(shape, num_rows);
  memory_ = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (memory_ == nullptr) throw OutOfMemory(bytes);
  kernels_->stepper_pack(shape, num_rows, weights, memory_);
}

Stepper::~Stepper() { std::free(memory_); }

void Stepper::step(const void* input, void* h, void* c) noexcept {
  kernels_->stepper_step(shape_, num_rows_, memory_, input, h, c);
}

}  // namespace tidegate
