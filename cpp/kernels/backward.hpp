// A layer backward, some steps at a time from the last: first each share of the
// rows goes back through them without meeting another, then come the products
// over all their positions (weights, input), dealt out by what they write.
#pragma once

#include "kernels/cells.hpp"
#include "kernels/gate_gradients.hpp"
#include "kernels/gradients.hpp"

namespace tidegate::TIDEGATE_ISA {
namespace {

template <class R, Cell C>
class Backward {
 public:
  Backward(const BackwardCall& call, const Plan& plan, void* scratch)
      : call_(call),
        plan_(plan),
        H_(call.shape.hidden_size),
        I_(call.shape.input_size),
        padded_(padded_units<R>(H_)),
        has_ids_(call.input.ids != nullptr) {
    Carver carver(scratch);
    const Index all = plan.base[plan.num_steps];
    capacity_ = least(greatest(kChunkPositions, plan.num_rows), all);
    zeros_ = carver.take<R>(padded_);
    bias_ = carver.take<R>(round_up(kSegments.total * H_, kWidth<R>));
    constexpr Index kLanes = kBackVectors * kWidth<R>;
    packs_hh_ = all > kFewPositions || H_ % kLanes != 0;
    packs_ih_ = wants_input() && (all > kFewPositions || I_ % kLanes != 0);
    if (packs_hh_) {
      hh_ = carver.take<R>(padded_ * H_ * kSegments.hidden_count);
    }
    ih_panels_ = back_panels<R>(I_);
    if (packs_ih_) {
      ih_ = carver.take<R>(ih_panels_ * kLanes * kSegments.input_count * H_);
    }
    gates_ = take_matrix(carver, capacity_, kSegments.total * H_);
    h_ = take_matrix(carver, capacity_, padded_);
    if (kTwo) reset_ = take_matrix(carver, capacity_, padded_);
    const Index sources = has_ids_ ? least(kChunkPositions, plan.num_distinct)
                                   : capacity_;
    x_ = take_matrix(carver, sources, round_up(I_, kWidth<R>));
    const Index pointers = greatest(capacity_, sources);
    gate_rows_ = carver.take<const R*>(pointers);
    input_rows_ = carver.take<R*>(pointers);
    if (has_ids_) {
      sums_ = take_matrix(carver, plan.num_distinct,
                          kSegments.input_count * H_);
    }
    dh_ = carver.take<R>(plan.num_rows * padded_);
    if (C == Cell::lstm) dc_ = carver.take<R>(plan.num_rows * padded_);
    if (kTwo) reset_grad_ = carver.take<R>(plan.num_rows * padded_);
    rows_ = carver.take<RowBack<R>>(plan.num_rows);
    left_ = carver.take<const R*>(plan.num_rows);
    dh_rows_ = carver.take<R*>(plan.num_rows);
    reset_rows_ = carver.take<R*>(plan.num_rows);
    bytes_ = carver.total(scratch);
  }

  std::size_t bytes() const { return bytes_; }

  void run(ParallelFor parallel_for) {
    begin(parallel_for);
    for (Index end = plan_.num_steps; end > 0;) {
      Index start = end - 1;
      while (start > 0 &&
             plan_.base[end] - plan_.base[start - 1] <= capacity_) {
        --start;
      }
      auto back = [&](Index s) { share_back(s, start, end, parallel_for); };
      parallel(parallel_for, plan_.num_shares,
               (plan_.base[end] - plan_.base[start]) * kGates * H_ * H_, back);
      sum_chunk(parallel_for, plan_.base[end] - plan_.base[start],
                plan_.slot == nullptr ? nullptr
                                      : plan_.slot + plan_.base[start]);
      adds_ = true;
      end = start;
    }
    auto finish = [&](Index s) { end_rows(s); };
    parallel(parallel_for, plan_.num_shares, plan_.num_rows * H_, finish);
    if (has_ids_) {
      tokens_back(parallel_for);
    } else if (!adds_) {
      zero(call_.grad_weight_ih, kGates * H_ * I_);
    }
    if (plan_.num_steps == 0) zero(call_.grad_weight_hh, kGates * H_ * H_);
    write_biases();
  }

 private:
  static constexpr bool kTwo = C == Cell::gru_before;
  static constexpr Segments kSegments = segments(C);
  static constexpr Index kGates = num_gates(C);
  // Gate gradients kept at a time: some blocks of the sums, and still in a
  // second-level cache or near it when they are read again. (Twice as many took
  // 7 % longer at H 128 with 1 MiB of it.)
  static constexpr Index kChunkPositions = 4 * kBlock;
  static constexpr Index kTaskUnits = 64;
  static constexpr Index kTaskColumns = 64;  // whole vectors
  static constexpr Index kTaskPositions = 64;

  BackWeights<R> hidden_weights(Index first, Index count) const {
    if (packs_hh_) {
      return packed_weights<R>(hh_ + first * H_ * padded_, count * H_);
    }
    return plain_weights(static_cast<const R*>(call_.weights.weight_hh), H_,
                         H_, kSegments.hidden_gate + first, count);
  }
  BackWeights<R> input_weights() const {
    constexpr Index kCount = kSegments.input_count;
    if (packs_ih_) return packed_weights<R>(ih_, kCount * H_);
    return plain_weights(static_cast<const R*>(call_.weights.weight_ih), H_,
                         I_, kSegments.input_gate, kCount);
  }

  bool wants_input() const {
    return has_ids_ ? call_.grad_table_rows != nullptr
                    : call_.grad_input != nullptr;
  }
  bool wants_biases() const {
    return call_.grad_bias_ih != nullptr || call_.grad_bias_hh != nullptr;
  }

  // A line more a row: rows a power of two apart share few sets of the cache.
  static Matrix<R> take_matrix(Carver& carver, Index rows, Index columns) {
    // It also keeps what a last vector reads beyond its row within memory.
    const Index stride = round_up(columns, kWidth<R>) +
                         64 / static_cast<Index>(sizeof(R));
    return {carver.take<R>(rows * stride), stride};
  }
  static Index pieces(Index count, Index size) {
    return (count + size - 1) / size;
  }
  static Matrix<const R> part(Matrix<R> m, Index row, Index column) {
    return {m.data + row * m.stride + column, m.stride};
  }

  void zero(void* to, Index count) const {
    if (to == nullptr) return;
    __builtin_memset(to, 0, static_cast<std::size_t>(count) * sizeof(R));
  }

  void begin(ParallelFor parallel_for) {
    for (Index i = 0; i < padded_; ++i) zeros_[i] = R(0);
    for (Index i = 0; i < round_up(kSegments.total * H_, kWidth<R>); ++i) {
      bias_[i] = R(0);
    }
    const auto* weight_hh = static_cast<const R*>(call_.weights.weight_hh);
    const auto* weight_ih = static_cast<const R*>(call_.weights.weight_ih);
    const Index hh_panels = packs_hh_ ? back_panels<R>(H_) : 0;
    auto pack = [&](Index panel) {
      if (panel >= hh_panels) {
        pack_back_panel(weight_ih, H_, I_, kSegments.input_gate,
                        kSegments.input_count, panel - hh_panels, ih_);
      } else if constexpr (kTwo) {
        pack_back_panel(weight_hh, H_, H_, kSegments.hidden_gate, 2, panel,
                        hh_);
        pack_back_panel(weight_hh, H_, H_, kSegments.hidden_gate + 2, 1, panel,
                        hh_ + 2 * H_ * padded_);
      } else {
        pack_back_panel(weight_hh, H_, H_, kSegments.hidden_gate,
                        kSegments.hidden_count, panel, hh_);
      }
    };
    parallel(parallel_for, hh_panels + (packs_ih_ ? ih_panels_ : 0),
             kGates * H_ * (H_ + I_), pack);
    auto start = [&](Index s) { begin_rows(s); };
    parallel(parallel_for, plan_.num_shares, plan_.num_rows * H_, start);
    if (!has_ids_) return;
    constexpr Index kRowsAtOnce = 256;
    auto clear = [&](Index task) {
      const Index first = task * kRowsAtOnce;
      zero(sums_.data + first * sums_.stride,
           least(kRowsAtOnce, plan_.num_distinct - first) * sums_.stride);
    };
    parallel(parallel_for, pieces(plan_.num_distinct, kRowsAtOnce),
             plan_.num_distinct * sums_.stride, clear);
  }

  void begin_rows(Index s) {
    for (Index m = plan_.share_begin[s]; m < plan_.share_begin[s + 1]; ++m) {
      const Index row = plan_.row[plan_.member[m]];
      rows_[m] = RowBack<R>{};
      rows_[m].dh = begin_gradient(dh_, m, call_.grad_h_n, row);
      if (C == Cell::lstm) {
        rows_[m].dc = begin_gradient(dc_, m, call_.grad_c_n, row);
      }
      if (kTwo) rows_[m].reset_grad = reset_grad_ + m * padded_;
      dh_rows_[m] = rows_[m].dh;
      reset_rows_[m] = rows_[m].reset_grad;
    }
  }

  R* begin_gradient(R* all, Index member, const void* from, Index row) const {
    R* to = all + member * padded_;
    copy_padded(to, from == nullptr ? zeros_
                                    : static_cast<const R*>(from) + row * H_,
                H_, padded_);
    return to;
  }

  static void copy_padded(R* to, const R* from, Index count, Index padded) {
    __builtin_memcpy(to, from, static_cast<std::size_t>(count) * sizeof(R));
    for (Index i = count; i < padded; ++i) to[i] = R(0);
  }

  void share_back(Index s, Index start, Index end, ParallelFor parallel_for) {
    const Index first = plan_.share_begin[s];
    const Index n = plan_.share_begin[s + 1] - first;
    const std::int64_t* ranks = plan_.member + first;
    Index active = 0;
    for (Index step = end - 1; step >= start; --step) {
      while (active < n && plan_.length[ranks[active]] > step) ++active;
      if (active > 0) {
        step_back(first, active, step, plan_.base[start], parallel_for);
      }
    }
  }

  void step_back(Index first, Index active, Index step, Index chunk,
                 ParallelFor parallel_for) {
    RowBack<R>* rows = rows_ + first;
    const R** left = left_ + first;
    for (Index i = 0; i < active; ++i) {
      const Index rank = plan_.member[first + i];
      const Index p = plan_.base[step] + rank - chunk;
      point(rows[i], rank, step, p);
      gate_gradients<R, C>(rows[i], H_, padded_);
      copy_padded(h_.data + p * h_.stride, rows[i].h, H_, padded_);
      if (!has_ids_) point_input(rank, step, p);
      left[i] = rows[i].gates + kSegments.hidden_first * H_;
    }
    if constexpr (kTwo) {
      for (Index i = 0; i < active; ++i) left[i] += 2 * H_;
      hidden_back(left, active, hidden_weights(2, 1), reset_rows_ + first,
                  parallel_for);
      for (Index i = 0; i < active; ++i) {
        left[i] -= 2 * H_;
        reset_gradients<R>(rows[i], H_, padded_);
        const Index rank = plan_.member[first + i];
        const Index p = plan_.base[step] + rank - chunk;
        R* to = reset_.data + p * reset_.stride;
        for (Index unit = 0; unit < padded_; unit += kWidth<R>) {
          store(to + unit, load(rows[i].kept + unit, H_ - unit) *
                               load(rows[i].h + unit, H_ - unit));
        }
      }
    }
    hidden_back(left, active,
                hidden_weights(0, kTwo ? 2 : kSegments.hidden_count),
                dh_rows_ + first, parallel_for);
  }

  // A share that is alone leaves threads free: where the product is worth it,
  // they take a part of its panels.
  void hidden_back(const R* const* left, Index active, const BackWeights<R>& w,
                   R* const* to, ParallelFor parallel_for) const {
    parallel_ranges(parallel_for, plan_.num_shares == 1 ? plan_.num_threads : 1,
                    back_panels<R>(H_), active * w.segments * w.depth * H_,
                    [&](Index begin, Index end) {
                      back_product<R>(left, active, w, true, to, padded_, begin,
                                      end);
                    });
  }

  void point(RowBack<R>& row, Index rank, Index step, Index p) const {
    const Positions& at = call_.positions;
    const Index here = position(at, plan_, rank, step);
    const auto* output = static_cast<const R*>(call_.output);
    row.h_out = output + here * call_.output_stride;
    const Index number = plan_.row[rank];
    if (step > 0) {
      row.h = output +
              position(at, plan_, rank, step - 1) * call_.output_stride;
    } else {
      row.h = call_.h_0 == nullptr
                  ? zeros_
                  : static_cast<const R*>(call_.h_0) + number * H_;
    }
    row.grad_output = call_.grad_output == nullptr
                          ? nullptr
                          : static_cast<const R*>(call_.grad_output) +
                                here * call_.grad_output_stride;
    constexpr Index kKept = kept_per_unit(C);
    const auto* reserve = static_cast<const R*>(call_.reserve);
    if (kKept > 0) {
      row.kept = reserve + (plan_.base[step] + rank) * kKept * H_;
    }
    if (C == Cell::lstm) {
      if (step > 0) {
        row.c = reserve + ((plan_.base[step - 1] + rank) * kKept + 4) * H_;
      } else {
        row.c = call_.c_0 == nullptr
                    ? zeros_
                    : static_cast<const R*>(call_.c_0) + number * H_;
      }
    }
    row.gates = gates_.data + p * gates_.stride;
    gate_rows_[p] = row.gates;
  }

  void point_input(Index rank, Index step, Index p) {
    const Index here = position(call_.positions, plan_, rank, step);
    if (call_.grad_weight_ih != nullptr) {
      copy_padded(x_.data + p * x_.stride,
                  static_cast<const R*>(call_.input.vectors) +
                      here * call_.input.stride,
                  I_, round_up(I_, kWidth<R>));
    }
    if (call_.grad_input != nullptr) {
      input_rows_[p] = static_cast<R*>(call_.grad_input) +
                       here * call_.grad_input_stride;
    }
  }

  // The products over a chunk: tasks of several kinds, all free of each other.
  void sum_chunk(ParallelFor parallel_for, Index positions,
                 const std::int32_t* slots) {
    const Index per_segment = pieces(H_, kTaskUnits);
    const Index hidden = call_.grad_weight_hh == nullptr
                             ? 0
                             : kSegments.hidden_count * per_segment;
    const Index input = has_ids_
                            ? pieces(kSegments.input_count * H_, kTaskColumns)
                        : call_.grad_weight_ih == nullptr
                            ? 0
                            : kSegments.input_count * per_segment;
    // Few positions are cut by columns, so that there is a part for everyone.
    const Index input_parts =
        positions > kTaskPositions ? 1 : least(plan_.num_threads, ih_panels_);
    const Index vectors =
        has_ids_ || call_.grad_input == nullptr
            ? 0
            : pieces(positions, kTaskPositions) * input_parts;
    const Index biases =
        wants_biases() ? pieces(kSegments.total * H_, kTaskColumns) : 0;
    auto task = [&](Index index) {
      if (index < hidden) {
        return sum_hidden(index / per_segment, index % per_segment, positions);
      }
      index -= hidden;
      if (index < input) {
        return has_ids_ ? sum_tokens(index, positions, slots)
                        : sum_input(index / per_segment, index % per_segment,
                                    gates_, 0, positions, adds_);
      }
      index -= input;
      if (index < vectors) {
        const Index first = index / input_parts * kTaskPositions;
        const Index part = index % input_parts;
        return back_product<R>(
            gate_rows_ + first, least(kTaskPositions, positions - first),
            input_weights(), call_.add_to_grad_input, input_rows_ + first, I_,
            part * ih_panels_ / input_parts,
            (part + 1) * ih_panels_ / input_parts);
      }
      index -= vectors;
      const Index begin = index * kTaskColumns;
      sum_positions<R>(part(gates_, 0, 0), positions, begin,
                       least(begin + kTaskColumns, kSegments.total * H_),
                       bias_);
    };
    parallel(parallel_for, hidden + input + vectors + biases,
             positions * kGates * H_ * (H_ + I_), task);
  }

  void sum_hidden(Index segment, Index task, Index positions) const {
    const Index gate = kSegments.hidden_gate[segment];
    const Index begin = task * kTaskUnits;
    outer_product<R>(
        part(gates_, 0, (kSegments.hidden_first + segment) * H_),
        part(kTwo && gate == 2 ? reset_ : h_, 0, 0), positions, adds_,
        static_cast<R*>(call_.grad_weight_hh) + gate * H_ * H_, H_, begin,
        least(begin + kTaskUnits, H_));
  }

  // gates: rows of gate gradients whose sources stand in x_ from row 0 on.
  void sum_input(Index segment, Index task, Matrix<R> gates, Index row,
                 Index positions, bool adds) const {
    const Index gate = kSegments.input_gate[segment];
    const Index begin = task * kTaskUnits;
    outer_product<R>(part(gates, row, segment * H_), part(x_, 0, 0),
                     positions, adds,
                     static_cast<R*>(call_.grad_weight_ih) + gate * H_ * I_,
                     I_, begin, least(begin + kTaskUnits, H_));
  }

  void sum_tokens(Index task, Index positions,
                  const std::int32_t* slots) const {
    const Index begin = task * kTaskColumns;
    const Index end = least(begin + kTaskColumns, kSegments.input_count * H_);
    for (Index p = 0; p < positions; ++p) {
      const R* from = gates_.data + p * gates_.stride;
      R* to = sums_.data + slots[p] * sums_.stride;
      for (Index unit = begin; unit < end; unit += kWidth<R>) {
        store(to + unit, load(to + unit) + load(from + unit));
      }
    }
  }

  // With ids: what is left of the input's products, over distinct tokens.
  void tokens_back(ParallelFor parallel_for) {
    const Index K = plan_.num_distinct;
    const auto* table = static_cast<const R*>(call_.input.table);
    const Index per_segment = pieces(H_, kTaskUnits);
    if (K == 0) zero(call_.grad_weight_ih, kGates * H_ * I_);
    for (Index first = 0; first < K; first += kChunkPositions) {
      const Index count = least(kChunkPositions, K - first);
      const Index parts = pieces(count, kTaskPositions);
      auto gather = [&](Index part) {
        const Index begin = part * kTaskPositions;
        const Index end = least(begin + kTaskPositions, count);
        for (Index k = begin; k < end; ++k) {
          const Index id = plan_.distinct[first + k];
          copy_padded(x_.data + k * x_.stride, table + id * I_, I_,
                      round_up(I_, kWidth<R>));
          gate_rows_[k] = sums_.data + (first + k) * sums_.stride;
          if (call_.grad_table_rows == nullptr) continue;
          call_.grad_table_ids[first + k] = id;
          input_rows_[k] =
              static_cast<R*>(call_.grad_table_rows) + (first + k) * I_;
        }
        if (call_.grad_table_rows == nullptr) return;
        back_product<R>(gate_rows_ + begin, end - begin, input_weights(), false,
                        input_rows_ + begin, I_, 0, ih_panels_);
      };
      parallel(parallel_for, parts, count * kGates * H_ * I_, gather);
      if (call_.grad_weight_ih == nullptr) continue;
      auto sum = [&](Index index) {
        sum_input(index / per_segment, index % per_segment, sums_, first,
                  count, first > 0);
      };
      parallel(parallel_for, kSegments.input_count * per_segment,
               count * kGates * H_ * I_, sum);
    }
  }

  void end_rows(Index s) const {
    const Positions& p = call_.positions;
    for (Index m = plan_.share_begin[s]; m < plan_.share_begin[s + 1]; ++m) {
      const Index rank = plan_.member[m];
      const Index row = plan_.row[rank];
      write_state(call_.grad_h_0, dh_ + m * padded_, row);
      if (C == Cell::lstm) write_state(call_.grad_c_0, dc_ + m * padded_, row);
      if (!p.pad || has_ids_ || call_.grad_input == nullptr ||
          call_.add_to_grad_input) {
        continue;
      }
      for (Index t = plan_.length[rank]; t < p.num_steps; ++t) {
        zero(static_cast<R*>(call_.grad_input) +
                 (p.row_offset[row] + p.step_offset[t]) *
                     call_.grad_input_stride,
             I_);
      }
    }
  }

  void write_state(void* to, const R* from, Index row) const {
    if (to == nullptr) return;
    __builtin_memcpy(static_cast<R*>(to) + row * H_, from,
                     static_cast<std::size_t>(H_) * sizeof(R));
  }

  void write_biases() const {
    write_bias(call_.grad_bias_ih, kSegments.input_gate, kSegments.input_first,
               kSegments.input_count);
    write_bias(call_.grad_bias_hh, kSegments.hidden_gate,
               kSegments.hidden_first, kSegments.hidden_count);
  }

  void write_bias(void* to, const int* gate_of, Index first,
                  Index count) const {
    if (to == nullptr) return;
    for (Index segment = 0; segment < count; ++segment) {
      __builtin_memcpy(static_cast<R*>(to) + gate_of[segment] * H_,
                       bias_ + (first + segment) * H_,
                       static_cast<std::size_t>(H_) * sizeof(R));
    }
  }

  const BackwardCall& call_;
  const Plan& plan_;
  Index H_;
  Index I_;
  Index padded_;
  bool has_ids_;
  bool packs_hh_ = true;
  bool packs_ih_ = true;
  bool adds_ = false;  // whether the weights' gradients hold earlier chunks
  Index capacity_ = 0;
  Index ih_panels_ = 0;
  R* zeros_ = nullptr;
  R* bias_ = nullptr;
  R* hh_ = nullptr;
  R* ih_ = nullptr;
  Matrix<R> gates_{};  // a row a position of the chunk
  Matrix<R> h_{};      // the state before, which the weights multiplied
  Matrix<R> reset_{};  // r times it; reset before
  Matrix<R> x_{};      // the input; with ids, of distinct tokens
  Matrix<R> sums_{};   // with ids: gate gradients summed by token
  const R** gate_rows_ = nullptr;
  R** input_rows_ = nullptr;
  R* dh_ = nullptr;
  R* dc_ = nullptr;
  R* reset_grad_ = nullptr;
  RowBack<R>* rows_ = nullptr;  // by member
  const R** left_ = nullptr;
  R** dh_rows_ = nullptr;
  R** reset_rows_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace
}  // namespace tidegate::TIDEGATE_ISA
