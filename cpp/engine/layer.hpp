// One recurrent layer in one direction over a whole batch: the engine's door.
//
// Letters: N rows (sequences), T steps, I input size, H hidden size, G gates
// times H, V rows of the embedding table. Gates stand in PyTorch's order: LSTM
// i f g o, GRU r z n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace tidegate {

struct Kernels;

enum class Cell {
  rnn_tanh,    ///< h' = tanh(W x + b_ih + U h + b_hh)
  rnn_relu,    ///< the same with max(0, .)
  lstm,        ///< Gers et al. 2000: with forget gate, without peepholes
  gru_after,   ///< n = tanh(W_n x + b_in + r * (U_n h + b_hn))
  gru_before,  ///< n = tanh(W_n x + b_in + U_n (r * h) + b_hn)
};

enum class Dtype { float32, float64 };

/// What a layer is, apart from its data.
struct Shape {
  Cell cell = Cell::gru_after;
  Dtype dtype = Dtype::float32;
  std::int64_t input_size = 0;   ///< I, at least 0
  std::int64_t hidden_size = 0;  ///< H, at least 1
};

/// Where the vector of row n at step t stands in every sequence tensor:
///   base + (row_offset[n] + step_offset[t]) * stride
/// with a stride in elements that each tensor has for itself.
struct Positions {
  std::int64_t num_rows = 0;                  ///< N
  std::int64_t num_steps = 0;                 ///< T
  const std::int64_t* row_offset = nullptr;   ///< (N,)
  const std::int64_t* step_offset = nullptr;  ///< (T,)
  /// (N,), each 0 to T, in any order; null where every row has T steps.
  const std::int64_t* lengths = nullptr;
  /// Writes zeros past a row's end; for layouts that have such positions.
  bool pad = false;
};

/// The rows of an embedding table that a layer reads in place of vectors.
struct Tokens {
  const std::int64_t* ids = nullptr; ///< base, stride 1; null for vectors
  std::int64_t num_embeddings = 0;   ///< V
};

/// What a layer reads: dense vectors or, where its plan has ids, their table.
struct Input {
  const void* vectors = nullptr;     ///< base; I elements a position
  std::int64_t stride = 0;           ///< of vectors
  const void* table = nullptr;       ///< (V, I)
};

struct Weights {
  const void* weight_ih = nullptr;  ///< (G, I)
  const void* weight_hh = nullptr;  ///< (G, H)
  const void* bias_ih = nullptr;    ///< (G,), null for none
  const void* bias_hh = nullptr;    ///< (G,), null for none
};

/// What a plan is made for: one layer over one batch, in one direction or both.
struct PlanCall {
  Shape shape;
  Positions positions;
  Tokens tokens;
  bool has_state = false;  ///< whether h_0 or c_0 will be passed
  bool forwards = true;    ///< whether rows are read from their first step
  bool backwards = false;  ///< whether rows are read from their own end
};

struct BatchPlan;
class BatchPlanner;

/// What is worked out about a batch before a layer runs over it: once for both
/// directions, forward and backward.
class LayerPlan {
 public:
  /// Throws std::invalid_argument for what does not fit together,
  /// std::out_of_range for a token outside the table, std::length_error for
  /// sizes beyond what memory can address, std::bad_alloc.
  ///
  /// Offsets, lengths and ids must live, unchanged, as long as the plan.
  explicit LayerPlan(const PlanCall& call);
  ~LayerPlan();
  LayerPlan(const LayerPlan&) = delete;
  LayerPlan& operator=(const LayerPlan&) = delete;

  /// Throws std::invalid_argument for a direction that was not asked for.
  const BatchPlan& direction(bool reverse) const;

 private:
  std::unique_ptr<const BatchPlanner> forwards_;
  std::unique_ptr<const BatchPlanner> backwards_;
};

/// No two tensors that are written may overlap each other or one that is read.
/// Nothing needs more alignment than its element.
struct ForwardCall {
  bool reverse = false;  ///< reads every row from its own end to step 0
  Input input;
  Weights weights;
  const void* h_0 = nullptr;      ///< (N, H), null for zeros
  const void* c_0 = nullptr;      ///< (N, H), null for zeros; LSTM alone
  void* output = nullptr;         ///< base; H elements a position
  std::int64_t output_stride = 0; ///< of output
  void* h_n = nullptr;            ///< (N, H): the state at each row's end
  void* c_n = nullptr;            ///< (N, H); LSTM alone
  /// reserve_bytes() of memory that backward reads; null for inference.
  void* reserve = nullptr;
};

/// Gradients are written, not added to, unless said otherwise.
struct BackwardCall {
  bool reverse = false;  ///< as in forward
  Input input;
  Weights weights;  ///< the biases are not read
  const void* h_0 = nullptr;             ///< as in forward
  const void* c_0 = nullptr;             ///< as in forward
  const void* output = nullptr;          ///< as forward wrote it
  std::int64_t output_stride = 0;        ///< of output
  const void* reserve = nullptr;         ///< as forward wrote it; not changed
  const void* grad_output = nullptr;     ///< base; null for zeros
  std::int64_t grad_output_stride = 0;   ///< of grad_output
  const void* grad_h_n = nullptr;        ///< (N, H), null for zeros
  const void* grad_c_n = nullptr;        ///< (N, H), null for zeros; LSTM
  void* grad_input = nullptr;            ///< base; null where not wanted
  std::int64_t grad_input_stride = 0;    ///< of grad_input
  /// Adds to grad_input instead of writing it: the second of two directions.
  bool add_to_grad_input = false;
  /// With ids: room for as many as forward returned. The tokens that occur,
  /// ascending, (K,), and the gradients of their rows of the table, (K, I).
  /// Both null where not wanted.
  std::int64_t* grad_table_ids = nullptr;
  void* grad_table_rows = nullptr;
  void* grad_weight_ih = nullptr;        ///< (G, I), null where not wanted
  void* grad_weight_hh = nullptr;        ///< (G, H), null where not wanted
  void* grad_bias_ih = nullptr;          ///< (G,), null where not wanted
  void* grad_bias_hh = nullptr;          ///< (G,), null where not wanted
  /// (N, H), null where not wanted. With ids they need h_0 or c_0: rows that
  /// begin in zeros share their first steps where they begin alike.
  void* grad_h_0 = nullptr;
  void* grad_c_0 = nullptr;
};

/// Bytes that forward keeps for backward, over this many real positions (the
/// sum of the lengths).
std::int64_t reserve_bytes(const Shape& shape, std::int64_t num_positions);

/// Runs the layer; returns the number of distinct tokens, 0 without ids.
///
/// Throws std::invalid_argument for what does not fit together and
/// std::bad_alloc. Nothing has been written by then. Many threads may call at
/// once, with one plan or several.
std::int64_t forward(const LayerPlan& plan, const ForwardCall& call);

/// The gradients of one forward; returns and throws as forward does.
std::int64_t backward(const LayerPlan& plan, const BackwardCall& call);

/// One step at a time with weights packed once: for streams. step() neither
/// allocates nor starts threads. One thread at a time.
class Stepper {
 public:
  /// Copies what it needs of the weights.
  Stepper(const Shape& shape, std::int64_t num_rows, const Weights& weights);
  ~Stepper();
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  const Shape& shape() const noexcept { return shape_; }
  std::int64_t num_rows() const noexcept { return num_rows_; }

  /// input (N, I) is read, h (N, H) and, for the LSTM, c (N, H) are advanced
  /// in place.
  void step(const void* input, void* h, void* c) noexcept;

 private:
  Shape shape_;
  std::int64_t num_rows_;
  const Kernels* kernels_;  // of the instruction set it was made for
  void* memory_ = nullptr;
};

#ifdef TIDEGATE_TEST_KERNELS
/// Gate functions over an array, as the kernels compute them: "exp", "tanh" or
/// "sigmoid". input and output may be the same.
void apply(const char* function, Dtype dtype, const void* input, void* output,
           std::int64_t count);
#endif

/// GFLOP/s of fused multiply-adds on registers, on all active threads at once,
/// measured for about this long; the best of several rounds.
double fma_peak(Dtype dtype, double seconds);

}  // namespace tidegate
