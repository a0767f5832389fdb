// What is worked out about a batch before kernels run: who goes together, where
// positions stand, which tokens occur. Checks what would read beside memory.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/layer.hpp"
#include "kernels/table.hpp"

namespace tidegate {

class PlanOwner {
 public:
  /// has_state: whether rows begin in states of their own. Throws as forward
  /// does.
  PlanOwner(const Shape& shape, const Positions& positions, const Input& input,
            bool has_state);

  const Plan& plan() const noexcept { return plan_; }

 private:
  void rank_rows(const Positions& positions);
  void join_beginnings(const Positions& positions, const Input& input);
  void number_tokens(const Positions& positions, const Input& input);
  void group_rows(const Shape& shape, bool has_ids);
  void number_positions();
  void share_rows(const Shape& shape);

  Plan plan_;
  std::vector<std::int64_t> row_;
  std::vector<std::int64_t> length_;
  std::vector<std::int64_t> start_;
  std::vector<std::int64_t> stem_rank_;
  std::vector<std::int64_t> base_;
  std::vector<std::int64_t> group_begin_;
  std::vector<std::int64_t> group_member_;
  std::vector<std::int64_t> share_begin_;
  std::vector<std::int64_t> member_;
  std::vector<std::int64_t> place_;
  std::vector<std::int64_t> stem_;
  std::vector<std::int64_t> distinct_;
  std::vector<std::int32_t> slot_;
};

}  // namespace tidegate
