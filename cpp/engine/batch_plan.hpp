// What is worked out about a batch before kernels run: who goes together, where
// positions stand, which tokens occur. Checks what would read beside memory.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/layer.hpp"
#include "kernels/dispatch.hpp"

namespace tidegate {

class BatchPlanner {
 public:
  /// has_state: whether rows begin in states of their own. Throws as forward
  /// does.
  BatchPlanner(const Shape& shape, const Positions& positions, const Input& input,
            bool has_state);

  const BatchPlan& plan() const noexcept { return plan_; }

 private:
  void rank_rows(const Positions& positions);
  void share_prefixes(const Positions& positions, const Input& input);
  void number_tokens(const Positions& positions, const Input& input);
  void group_rows(const Shape& shape, bool has_ids);
  void number_positions();
  void share_rows(const Shape& shape);

  BatchPlan plan_;
  std::vector<std::int64_t> row_;
  std::vector<std::int64_t> length_;
  std::vector<std::int64_t> start_;
  std::vector<std::int64_t> leader_rank_;
  std::vector<std::int64_t> base_;
  std::vector<std::int64_t> group_begin_;
  std::vector<std::int64_t> group_member_;
  std::vector<std::int64_t> share_begin_;
  std::vector<std::int64_t> member_;
  std::vector<std::int64_t> place_;
  std::vector<std::int64_t> leader_;
  std::vector<std::int64_t> distinct_;
  std::vector<std::int32_t> slot_;
};

}  // namespace tidegate
