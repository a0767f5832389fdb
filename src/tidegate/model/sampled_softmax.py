"""Sampled softmax: the cross-entropy over a large vocabulary, estimated from some words."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_ELEMENTS = 1 << 20
"""Logits computed at once: 4 MB in float32, which stay in the cache between their uses."""
MEASURED_ELEMENTS = 1 << 22
"""Logits computed at once without gradients. The candidates may then be the whole vocabulary, and
a larger chunk keeps the matrix product at more than a few rows."""


def sampled_cross_entropy(
    queries: Tensor,
    rows: Tensor,
    bias: Tensor,
    targets: Tensor,
    candidates: Tensor,
    log_weights: Tensor,
) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the targets, with the partition function estimated from candidates.

    With logits l_w = query . row_w + bias_w, and weights a_w that say how many words a candidate
    stands for:
        Z = exp(l_target) + sum over candidates w other than the target of a_w exp(l_w)
        loss = log Z - l_target
    The candidates are the same for all positions, which makes the logits one matrix product. With
    all words as candidates and weights of 1, it is the full cross-entropy.

    Args:
        queries: Shape (P, d), P at least 1.
        rows: The output vectors of the words that occur, shape (K, d).
        bias: The biases of these words, shape (K,).
        targets: Indices into ``rows``, shape (P,), int64.
        candidates: Distinct indices into ``rows``, shape (S,), int64.
        log_weights: log a_w, shape (S,).

    Returns:
        The loss, a scalar, once differentiable by queries, rows and bias; and the number of
        targets whose logit no other candidate's exceeds, int64.

    Source: Jean et al. 2015, arXiv:1412.2007, section 3.2, with the weights of a sample without
    replacement; negatives shared within a batch as in Jozefowicz et al. 2016, arXiv:1602.02410.
    """
    loss_and_num_right: tuple[Tensor, Tensor] = _SampledCrossEntropy.apply(  # type: ignore[no-untyped-call]
        queries, rows, bias, targets, candidates, log_weights.to(queries.dtype)
    )
    return loss_and_num_right


class _SampledCrossEntropy(torch.autograd.Function):
    """Computes the gradients with the loss, chunk by chunk, so that no (P, S) matrix is kept."""

    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        rows: Tensor,
        bias: Tensor,
        targets: Tensor,
        candidates: Tensor,
        log_weights: Tensor,
    ) -> tuple[Tensor, Tensor]:
        P, S = len(queries), len(candidates)
        wants_gradients = any(ctx.needs_input_grad)
        target_rows = rows[targets]
        target_logits = (queries * target_rows).sum(1) + bias[targets]
        places = torch.full((len(rows),), -1, device=rows.device)
        places.index_copy_(0, candidates, torch.arange(S, device=rows.device))
        places = places[targets]

        # One more column in both factors: the product then includes the bias, and so its gradient.
        ones = queries.new_ones(P, 1)
        candidate_rows = torch.cat([rows[candidates], bias[candidates].unsqueeze(1)], 1)
        asked = torch.cat([queries, ones], 1)
        # An upper bound on the log weights, so that exp cannot overflow.
        above = log_weights.max() if S else 0.0

        total = queries.new_zeros((), dtype=torch.float64)
        num_right = queries.new_zeros((), dtype=torch.int64)
        grad_asked = torch.empty_like(asked)
        grad_candidates = torch.zeros_like(candidate_rows)
        grad_targets = torch.empty_like(target_logits)
        elements = CHUNK_ELEMENTS if wants_gradients else MEASURED_ELEMENTS
        step = max(elements // max(S, 1), 1)
        for start in range(0, P, step):
            chunk = slice(start, start + step)
            logits = asked[chunk] @ candidate_rows.T
            (hits,) = (places[chunk] >= 0).nonzero(as_tuple=True)
            logits[hits, places[chunk][hits]] = -torch.inf  # the target is counted by itself
            largest = target_logits[chunk]
            if S:
                likeliest = logits.amax(1)
                num_right += (likeliest <= target_logits[chunk]).sum()
                largest = torch.maximum(likeliest + above, largest)
            logits += log_weights
            shares = logits.sub_(largest.unsqueeze(1)).exp_()
            target_share = (target_logits[chunk] - largest).exp_()
            Z = shares.sum(1) + target_share
            total += (Z.log() + largest - target_logits[chunk]).sum()
            if not wants_gradients:
                continue
            grad_targets[chunk] = (target_share / Z - 1) / P
            scale = (1 / (Z * P)).unsqueeze(1)
            torch.mm(shares, candidate_rows, out=grad_asked[chunk]).mul_(scale)
            grad_candidates.addmm_(shares.T, asked[chunk] * scale)
        ctx.mark_non_differentiable(num_right)
        loss = (total / P).to(queries.dtype)
        if not wants_gradients:
            return loss, num_right
        scaled = grad_targets.unsqueeze(1)
        grad_queries = torch.addcmul(grad_asked[:, :-1], scaled, target_rows)
        grad_rows = torch.zeros_like(rows).index_copy_(0, candidates, grad_candidates[:, :-1])
        grad_rows.index_add_(0, targets, scaled * queries)
        grad_bias = torch.zeros_like(bias).index_copy_(0, candidates, grad_candidates[:, -1])
        grad_bias.index_add_(0, targets, grad_targets)
        ctx.save_for_backward(grad_queries, grad_rows, grad_bias)
        return loss, num_right

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        grad_queries, grad_rows, grad_bias = ctx.saved_tensors
        return grad * grad_queries, grad * grad_rows, grad * grad_bias, None, None, None
