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
    """Loss, score and size of one training step."""

    loss: float
    """Mean over the batch, of the texts without the adversarial perturbation."""
    score_sum: float
    """Sum of the task's main metric over the examples."""
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

    With ``adversarial_norm`` above 0 this is adversarial training: the loss is that of the batch
    plus that of the batch with perturbed embeddings. The perturbation of a sequence is the gradient
    of its loss, scaled to this Euclidean norm over all its steps (Miyato et al. 2017, equations 2
    and 5). The second pass has dropout masks of its own, so the perturbation was computed with
    other elements dropped than those that the second loss sees.

    Args:
        model: The network.
        optimiser: Updates its parameters.
        values: Hyperparameters; the learning rates are set in the optimiser already.
        inputs: The batch.
        targets: Targets in the form that :class:`~tidegate.task.Task` describes.
        masks: Dropout masks of this step.
        class_weights: See :func:`~tidegate.model.losses.losses`; None for no weights.

    Returns:
        Loss and score before the update. Where the loss is not finite, there is no update.
    """
    catch_up(optimiser, model, inputs)
    optimiser.zero_grad()

    def mean_loss(outputs: Tensor) -> Tensor:
        example_losses = losses(
            model.kind,
            outputs,
            targets,
            label_smoothing=values.label_smoothing,
            class_weights=class_weights,
            quantiles=model.quantiles,
            unit=inputs.unit,
        )
        return example_losses.mean()

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
    result = StepResult(
        loss=loss.item(),
        score_sum=float(scores(model.kind, outputs.detach(), targets, model.quantiles).sum()),
        num_tokens=int(inputs.offsets[-1]),
    )
    if not torch.isfinite(loss):
        return result
    if values.clip_norm:
        clip_grad_norm_(model.parameters(), values.clip_norm)
    optimiser.step()
    return result


def catch_up(optimiser: Adam, model: SequenceClassifier, inputs: Inputs) -> None:
    """Apply the deferred Adam updates of the embedding rows that a batch reads."""
    for name, rows in (("embedding", inputs.words), ("bigram_embedding", inputs.bigrams)):
        if rows is not None and getattr(model, name).weight.requires_grad:
            optimiser.catch_up(getattr(model, name).weight, rows.distinct)


def perturbation(gradient: Tensor, offsets: Tensor, norm: float) -> Tensor:
    """The adversarial perturbation: every sequence's gradient, scaled to Euclidean norm ``norm``.

    Args:
        gradient: Gradient of the loss by the embedded steps, (P, d).
        offsets: Where each sequence begins, and the end of the last, (N + 1,).
        norm: Euclidean norm over all of a sequence's elements.

    Returns:
        (P, d), finite. Where the norm of a sequence's gradient is below 1e-30, as for a text that
        the network is certain of, the result is smaller than ``norm``.
    """
    lengths = offsets.diff()
    # In float64: the square of a small gradient underflows to 0 in float32.
    norms = torch.linalg.vector_norm(gradient, dim=1, dtype=torch.float64)
    sums = torch.segment_reduce(norms.square(), "sum", lengths=lengths, unsafe=True)
    scale = (norm / sums.sqrt().clamp(min=1e-30)).to(gradient.dtype)
    return gradient * scale.repeat_interleave(lengths).unsqueeze(1)
