// Memory that a call needs for itself, kept for the next one.
#pragma once

#include <cstddef>

namespace tidegate {

/// A block of at least so many bytes, aligned to a page of 2 MiB where it is
/// large, with whatever was in it. Throws std::bad_alloc.
///
/// A few blocks are kept for later calls: fresh memory costs a page fault for
/// every 4 KiB, which for a training step is some milliseconds.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void* data() const noexcept { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace tidegate
