#include "engine/layer.hpp"

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batch_plan.hpp"
#include "engine/cell_sizes.hpp"
#include "engine/kernels.hpp"
#include "engine/pool.hpp"
#include "engine/scratch.hpp"
#include "engine/sizes.hpp"

namespace tidegate {
namespace {

using Count = std::int64_t;

const CellSizes& sizes_of(Cell cell) {
  return kCellSizes[static_cast<std::size_t>(cell)];
}

void check(const Shape& shape, const Positions& positions,
           const Tokens& tokens) {
  require(shape.hidden_size >= 1, "hidden_size of at least 1, got less");
  require(shape.input_size >= 0, "input_size of at least 0, got less");
  require(positions.num_rows >= 0 && positions.num_steps >= 0,
          "num_rows and num_steps of at least 0, got less");
  product("rows", {positions.num_rows, 256});
  product("steps", {positions.num_steps, 256});
  product("weights", {sizes_of(shape.cell).gates * 2, shape.hidden_size + 64,
                      shape.input_size + shape.hidden_size + 64, 8});
  product("a batch", {positions.num_rows, positions.num_steps,
                      shape.input_size + 5 * shape.hidden_size + 64, 8});
  require((positions.row_offset != nullptr || positions.num_rows == 0) &&
              (positions.step_offset != nullptr || positions.num_steps == 0),
          "row_offset and step_offset, got none");
  require(tokens.num_embeddings >= 0,
          "num_embeddings of at least 0, got less");
}

bool has_positions(const BatchPlan& plan) {
  return plan.positions.num_rows > 0 && plan.positions.num_steps > 0;
}

// What forward and backward are both told.
template <class Call>
void check(const BatchPlan& plan, const Call& call) {
  const std::int64_t I = plan.shape.input_size;
  const bool has_ids = plan.tokens.ids != nullptr;
  require(!has_positions(plan) || I == 0 || has_ids ||
              call.input.vectors != nullptr,
          "an input or ids, got neither");
  require(!has_ids || call.input.table != nullptr || I == 0 ||
              plan.tokens.num_embeddings == 0,
          "a table with ids, got none");
  require(call.weights.weight_hh != nullptr &&
              (call.weights.weight_ih != nullptr || I == 0),
          "weight_ih and weight_hh, got none");
  require(call.output != nullptr || !has_positions(plan),
          "an output, got none");
  require(plan.has_state || (call.h_0 == nullptr && call.c_0 == nullptr),
          "no h_0 or c_0 where the plan has no state, got one");
}

}  // namespace

LayerPlan::LayerPlan(const PlanCall& call) {
  check(call.shape, call.positions, call.tokens);
  if (call.forwards) {
    forwards_ = std::make_unique<const BatchPlanner>(call, false);
  }
  if (call.backwards) {
    backwards_ = call.forwards && !may_share_prefixes(call)
                     ? std::make_unique<const BatchPlanner>(*forwards_)
                     : std::make_unique<const BatchPlanner>(call, true);
  }
}

LayerPlan::~LayerPlan() = default;

const BatchPlan& LayerPlan::direction(bool reverse) const {
  const auto& planner = reverse ? backwards_ : forwards_;
  require(planner != nullptr, "a direction that was planned, got the other");
  return planner->plan();
}

std::int64_t reserve_bytes(const Shape& shape, std::int64_t num_positions) {
  const Count bytes = shape.dtype == Dtype::float32 ? 4 : 8;
  // Not nothing: a null address would mean inference.
  return product("reserve",
                 {sizes_of(shape.cell).kept,
                  shape.hidden_size, num_positions, bytes}) +
         64;
}

std::int64_t forward(const LayerPlan& layer_plan, const ForwardCall& call) {
  const BatchPlan& plan = layer_plan.direction(call.reverse);
  check(plan, call);
  require(plan.positions.num_rows == 0 ||
              (call.h_n != nullptr &&
               (call.c_n != nullptr || plan.shape.cell != Cell::lstm)),
          "h_n and, for the LSTM, c_n, got none");
  const Kernels& kernels = kernels_of(active_isa());
  const Scratch scratch(kernels.forward_bytes(call, plan));
  kernels.forward(call, plan, scratch.data(), parallel_for);
  return plan.num_distinct;
}

std::int64_t backward(const LayerPlan& layer_plan, const BackwardCall& call) {
  const BatchPlan& plan = layer_plan.direction(call.reverse);
  check(plan, call);
  require(call.reserve != nullptr, "a reserve, got none");
  require((call.grad_table_ids == nullptr) == (call.grad_table_rows == nullptr),
          "both of grad_table_ids and grad_table_rows, got one");
  require(plan.tokens.ids == nullptr || plan.has_state ||
              (call.grad_h_0 == nullptr && call.grad_c_0 == nullptr),
          "with ids a state where its gradient is wanted, got none");
  const Kernels& kernels = kernels_of(active_isa());
  const Scratch scratch(kernels.backward_bytes(call, plan));
  kernels.backward(call, plan, scratch.data(), parallel_for);
  return plan.num_distinct;
}

#ifdef TIDEGATE_TEST_KERNELS
void apply(const char* function, Dtype dtype, const void* input, void* output,
           std::int64_t count) {
  const std::string_view name(function);
  const int number = name == "exp"       ? 0
                     : name == "tanh"    ? 1
                     : name == "sigmoid" ? 2
                                         : -1;
  if (number < 0) {
    throw std::invalid_argument(
        "apply: expected exp, tanh or sigmoid, got " + std::string(name));
  }
  product("elements", {count, 8});
  require(count == 0 || (input != nullptr && output != nullptr),
          "an input and an output, got none");
  kernels_of(active_isa()).apply(number, dtype, input, output, count);
}
#endif

double fma_peak(Dtype dtype, double seconds) {
  using Clock = std::chrono::steady_clock;
  require(seconds >= 0 && seconds <= 60, "seconds from 0 to 60, got others");
  struct Run {
    const Kernels& kernels;
    Dtype dtype;
    std::int64_t rounds;
    std::int64_t operations;
  };
  Run run{kernels_of(active_isa()), dtype, 1 << 16, 0};
  const auto threads = static_cast<std::size_t>(num_threads());
  const auto task = [](void* context, std::size_t) noexcept {
    auto& r = *static_cast<Run*>(context);
    alignas(64) char sink[64];
    const auto operations = r.kernels.fma_round(r.dtype, r.rounds, sink);
    __atomic_store_n(&r.operations, operations, __ATOMIC_RELAXED);
  };
  double best = 0;
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  do {
    const auto begin = Clock::now();
    // As many tasks as threads may all run in one; several a thread spread.
    parallel_for(4 * threads, task, &run);
    const std::chrono::duration<double> took = Clock::now() - begin;
    const double operations = static_cast<double>(run.operations) *
                              static_cast<double>(run.rounds) *
                              static_cast<double>(4 * threads);
    best = std::max(best, operations / took.count() * 1e-9);
  } while (Clock::now() < end);
  return best;
}

}  // namespace tidegate
