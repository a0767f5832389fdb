"""One training step: forward, backward, an optional adversarial pass, and the optimiser."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tidegate.model.classifier import SequenceClassifier
from tidegate.model.inputs import Inputs
from tidegate.model.losses import losses, scores
from tidegate.model.masks import Masks
from tidegate.optim import Adam, clip_grad_norm_
from tidegate.training.sections import Training


@dataclass(frozen=True)
class StepResult:
    """The figures of a step."""

    loss: float
    """The batch's mean, of the texts as they are."""
    score_sum: float
    """Of the task's main metric, over the examples."""
    num_tokens: int


def step(
    model: SequenceClassifier,
    optimiser: Adam,
    values: Training,
    inputs: Inputs,
    targets: Tensor,
    masks: Masks,
    class_weights: Tensor | None = None,
) -> StepResult:
    """Update the parameters with one batch.

    With ``adversarial_norm`` the loss is that of the batch plus that of the batch with every
    sequence's embeddings moved, by so much in Euclidean length over all its steps, in the direction
    in which its loss grows fastest (Miyato et al. 2017, equations 2 and 5). The second pass draws
    its dropout anew: the direction is then of other elements than those that are left, and the two
    losses are of two networks.

    Returns:
        The loss before the move; nothing has moved where it is not finite.
    """
    catch_up(optimiser, model, inputs)
    optimiser.zero_grad()

    def mean_loss(outputs: Tensor) -> Tensor:
        found = losses(
            model.kind,
            outputs,
            targets,
            label_smoothing=values.label_smoothing,
            class_weights=class_weights,
        )
        return found.mean()

    if values.adversarial_norm:
        vectors = model.embed(inputs, masks)
        clean = vectors.detach().requires_grad_()
        outputs = model.answer(clean, inputs, masks)
        loss = mean_loss(outputs)
        loss.backward()
        assert clean.grad is not None
        again = Masks(masks.seed, masks.step, "adversarial ")
        others = model.embed(inputs, again)
        moved = others.detach() + perturbation(clean.grad, inputs.offsets, values.adversarial_norm)
        moved.requires_grad_()
        mean_loss(model.answer(moved, inputs, again)).backward()
        if vectors.requires_grad:
            torch.autograd.backward([vectors, others], [clean.grad, moved.grad])
    else:
        outputs = model(inputs, masks)
        loss = mean_loss(outputs)
        loss.backward()
    found = StepResult(
        loss=loss.item(),
        score_sum=float(scores(model.kind, outputs.detach(), targets).sum()),
        num_tokens=int(inputs.offsets[-1]),
    )
    if not torch.isfinite(loss):
        return found
    if values.clip_norm:
        clip_grad_norm_(model.parameters(), values.clip_norm)
    optimiser.step()
    return found


def catch_up(optimiser: Adam, model: SequenceClassifier, inputs: Inputs) -> None:
    """Apply the deferred Adam updates of the embedding rows that a batch reads."""
    for name, rows in (("embedding", inputs.words), ("bigram_embedding", inputs.bigrams)):
        if rows is not None and getattr(model, name).weight.requires_grad:
            optimiser.catch_up(getattr(model, name).weight, rows.distinct)


def perturbation(gradient: Tensor, offsets: Tensor, norm: float) -> Tensor:
    """The gradient of every sequence, scaled to a length of ``norm``.

    Args:
        gradient: Of the embedded steps, (P, d).
        offsets: Where each sequence begins, and the end of the last, (N + 1,).
        norm: Euclidean, over all of a sequence's elements.

    Returns:
        (P, d), finite; shorter where a sequence's whole gradient is below 1e-30, as of a text that
        the network is certain of.
    """
    lengths = offsets.diff()
    # In float64: the square of a small gradient is nothing in float32.
    norms = torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64)
    sums = torch.segment_reduce(norms.square(), "sum", lengths=lengths, unsafe=True)
    scale = (norm / sums.sqrt().clamp(min=1e-30)).to(gradient.dtype)
    return gradient * scale.repeat_interleave(lengths).unsqueeze(1)
