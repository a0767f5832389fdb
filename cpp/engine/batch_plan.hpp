// What is worked out about a batch before kernels run: who goes together, where
// positions stand, which tokens occur. Checks what would read beside memory.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/layer.hpp"
#include "kernels/dispatch.hpp"

namespace tidegate {

/// Whether rows of this batch may make their first steps together: they then
/// stand in another order from their ends.
inline bool may_share_prefixes(const PlanCall& call) {
  return call.tokens.ids != nullptr && call.positions.lengths == nullptr &&
         !call.has_state;
}

class BatchPlanner {
 public:
  /// Plans one direction. Throws as LayerPlan does.
  BatchPlanner(const PlanCall& call, bool reverse);

  /// Plans the other direction of a batch that shares no prefixes: all but the
  /// order of the tokens is the same, and is read where it is.
  explicit BatchPlanner(const BatchPlanner& forwards);

  const BatchPlan& plan() const noexcept { return plan_; }

 private:
  void rank_rows();
  void share_prefixes();
  void number_tokens();
  void group_rows();
  void number_positions();
  void share_rows();

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
