#include "engine/scratch.hpp"

#include "engine/sizes.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tidegate {
namespace {

constexpr std::size_t kLarge = std::size_t{2} << 20;
constexpr std::size_t kLine = 64;

struct Block {
  void* data = nullptr;
  std::size_t bytes = 0;
};

// Blocks for a few threads that call at once, or for a few layers under way;
// what would be more than so many bytes together goes back at once.
constexpr std::size_t kKept = 8;
constexpr std::size_t kKeptBytes = std::size_t{256} << 20;

// Tried only: the child of a fork may find it locked for ever, by a thread that
// it does not have, and then does without kept blocks.
std::mutex mutex;
Block kept[kKept];

std::size_t rounded(std::size_t bytes) {
  const std::size_t unit = bytes >= kLarge ? kLarge : kLine;
  if (bytes > static_cast<std::size_t>(-1) - unit) throw OutOfMemory(bytes);
  return std::max(kLine, (bytes + unit - 1) / unit * unit);
}

}  // namespace

Scratch::Scratch(std::size_t bytes) : bytes_(rounded(bytes)) {
  {
    const std::unique_lock lock(mutex, std::try_to_lock);
    Block* best = nullptr;
    for (Block& block : kept) {
      if (!lock) break;
      if (block.data != nullptr && block.bytes >= bytes_ &&
          (best == nullptr || block.bytes < best->bytes)) {
        best = &block;
      }
    }
    if (best != nullptr) {
      data_ = best->data;
      bytes_ = best->bytes;
      *best = {};
      return;
    }
  }
  data_ = std::aligned_alloc(bytes_ >= kLarge ? kLarge : kLine, bytes_);
  if (data_ == nullptr) throw OutOfMemory(bytes);
#if defined(__linux__)
  if (bytes_ >= kLarge) madvise(data_, bytes_, MADV_HUGEPAGE);
#endif
}

Scratch::~Scratch() {
  Block freed{data_, bytes_};
  const std::unique_lock lock(mutex, std::try_to_lock);
  if (lock) {
    // Takes the place of none, or of the smallest.
    Block* smallest = &kept[0];
    std::size_t total = bytes_;
    for (Block& block : kept) {
      total += block.bytes;
      if (block.bytes < smallest->bytes) smallest = &block;
    }
    total -= smallest->bytes;
    if (smallest->bytes < bytes_ && total <= kKeptBytes) {
      std::swap(*smallest, freed);
    }
  }
  std::free(freed.data);
}

}  // namespace tidegate
