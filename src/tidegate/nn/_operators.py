"""The engine as operators of ``torch.library``: for graphs that are compiled or exported.

An operator costs more a call than a direct one, so that running programs do without (measured on
PyTorch 2.13: 24 us with a gradient, 10 us for an ``autograd.Function``, 1 us for a direct call).
"""

from typing import Any

import torch
from torch import Tensor

from tidegate.nn import _graphs, _pointers
from tidegate.nn._composite import State
from tidegate.nn._layout import Layout, Tokens
from tidegate.nn._lengths import check_batch_sizes, check_values, lengths_between
from tidegate.nn._memory import DTYPES
from tidegate.nn._pointers import Results, Sources
from tidegate.nn._watch import has_changed, watch


def are_needed(values: Tensor) -> bool:
    """Whether a call must go by the dispatcher: a graph is traced, or tensors are only shapes."""
    return (
        _graphs.are_made()
        or torch._C._len_torch_dispatch_stack() > 0
        or type(values) not in (Tensor, torch.nn.Parameter)
    )


def layer(
    cell: str,
    values: Tensor,
    h_0: Tensor | None,
    c_0: Tensor | None,
    flat: list[Tensor | None],
    layout: Layout,
    tokens: Tokens | None,
) -> tuple[Tensor, State]:
    """As :func:`tidegate.nn._fast.layer`, by the operator."""
    # torch.jit.trace writes numbers down as they are: the rows are counted anew at every call, and
    # what a gradient needs is computed where one is asked for.
    is_traced = _graphs.are_traced()
    is_training = (
        not is_traced
        and torch.is_grad_enabled()
        and any(t is not None and t.requires_grad for t in (values, h_0, c_0, *flat))
    )
    padding_idx = None if tokens is None else tokens.padding_idx
    output, h_n, c_n, _ = _forward_operator(
        cell,
        values,
        None if tokens is None else tokens.ids,
        h_0,
        c_0,
        *flat,
        *(None,) * (8 - len(flat)),
        layout.kind,
        layout.N if layout.kind == "packed" and not is_traced else None,
        None if layout.kind == "ragged" else layout.lengths,
        layout.batch_sizes,
        layout.offsets,
        padding_idx,
        is_training,
    )
    return output, (h_n, c_n) if cell == "lstm" else (h_n,)


# The arguments that both operators have, in this order.
_COMMON = (
    "str cell, Tensor values, Tensor? ids, Tensor? h_0, Tensor? c_0, "
    "Tensor weight_ih, Tensor weight_hh, Tensor? bias_ih, Tensor? bias_hh, "
    "Tensor? weight_ih_reverse, Tensor? weight_hh_reverse, "
    "Tensor? bias_ih_reverse, Tensor? bias_hh_reverse, "
    "str kind, SymInt? num_rows, Tensor? lengths, Tensor? batch_sizes, Tensor? offsets, "
    "int? padding_idx"
)
_NUM_COMMON = 19


class _Call:
    """The arguments that both operators have, by name.

    ``num_rows`` are those of a packed batch, for a graph whose sizes must follow from sizes alone;
    elsewhere they are read from the other arguments.
    """

    def __init__(self, *common: Any) -> None:
        (self.cell, self.values, self.ids, self.h_0, self.c_0, *flat) = common[:13]
        kind, num_rows, lengths, batch_sizes, offsets, self.padding_idx = common[13:]
        # A direction has its weights, with or without biases.
        self.flat: list[Tensor | None] = flat[:4] if flat[4] is None else flat
        data = self.values if self.ids is None else self.ids.unsqueeze(-1)
        self.shape = data.shape[:-1]
        if kind == "packed":
            N = int(batch_sizes[0]) if num_rows is None else num_rows
            T = batch_sizes.size(0)
        elif kind == "ragged":
            N, T = offsets.size(0) - 1, data.size(0)
        elif kind == "step":
            N, T = data.size(0), 1
        else:
            N, T = data.size(0 if kind == "batch" else 1), data.size(1 if kind == "batch" else 0)
        self.N = N
        self.layout = Layout(kind, self.N, T, lengths, batch_sizes, offsets)
        weight_hh = flat[1]
        self.D, self.H = len(self.flat) // 4, weight_hh.size(1)

    @property
    def num_positions(self) -> int:
        """All positions, padding included: a result's size must follow from sizes alone."""
        product = 1
        for size in self.shape:
            product *= size
        return product

    def checked_layout(self) -> Layout:
        """The layout, with the checks that were not possible while the graph was made."""
        self._check_tensors()
        layout = self.layout
        if layout.offsets is not None:
            lengths, T = lengths_between("tidegate::layer", layout.offsets, self.num_positions)
            return layout._replace(lengths=lengths, T=T)
        if layout.lengths is not None:
            check_values("tidegate::layer", layout.lengths, layout.T)
        sizes = layout.batch_sizes
        if sizes is not None:
            check_batch_sizes("tidegate::layer", sizes, self.num_positions)
            if int(sizes[0]) != self.N:
                raise RuntimeError(
                    f"tidegate::layer: expected states and indices of N = {int(sizes[0])} rows, "
                    f"as the packed batch has, got {self.N}"
                )
        return layout

    def _check_tensors(self) -> None:
        """Refuse tensors of another kind than those that the graph was made with.

        Raises:
            RuntimeError: A dtype, device or shape is another one.
        """
        dtype = self.values.dtype
        if dtype not in DTYPES:
            raise RuntimeError(
                f"tidegate::layer: expected torch.float32 or torch.float64, got {dtype}"
            )
        for tensor in self.inputs():
            if tensor is not None and (tensor.dtype != dtype or not tensor.is_cpu):
                raise RuntimeError(
                    "tidegate::layer: expected values, states and weights of one dtype on the "
                    f"CPU, got {dtype} and {tensor.dtype} on {tensor.device}"
                )
        rank = 2 if self.layout.kind in ("time", "batch") else 1
        if len(self.shape) != rank:
            raise RuntimeError(
                f"tidegate::layer: expected a batch of {rank} dimensions beside the features, got "
                f"{tuple(self.shape)}"
            )
        layout = self.layout
        for name, tensor, shape in (
            ("ids", self.ids, self.shape),
            ("lengths", layout.lengths, (self.N,)),
            ("offsets", layout.offsets, (self.N + 1,)),
            ("batch_sizes", layout.batch_sizes, (layout.T,)),
        ):
            if tensor is None:
                continue
            is_right = tensor.dtype is torch.int64 and tensor.is_cpu
            if tensor.shape != shape or not is_right:
                raise RuntimeError(
                    f"tidegate::layer: expected {name} of shape {tuple(shape)} and torch.int64 on "
                    f"the CPU, got {tuple(tensor.shape)} and {tensor.dtype} on {tensor.device}"
                )

    def sources(self) -> Sources:
        """The checked inputs of a call of the engine, which would read past the end of short ones.

        Raises:
            RuntimeError: A weight or state of another shape than the rest.
        """
        sources = Sources(self.values, self.ids, self.h_0, self.c_0, self.flat)
        state = (self.N, self.H) if self.layout.kind == "step" else (self.D, self.N, self.H)
        _pointers.check_fit("tidegate::layer", self.cell, sources, self.H, state, self.values.dtype)
        return sources

    def inputs(self) -> list[Tensor | None]:
        """The tensors that may have gradients, in the order of the gradients."""
        return [self.values, self.h_0, self.c_0, *self.flat]


@torch.library.custom_op(
    "tidegate::layer",
    mutates_args=(),
    schema=f"({_COMMON}, bool training) -> (Tensor, Tensor, Tensor, Tensor)",
)
def _forward_operator(*arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Output, h_n, c_n (empty but for the LSTM) and what the backward operator needs."""
    *common, training = arguments
    call = _Call(*common)
    layout = call.checked_layout()
    results = _pointers.forward(
        call.cell,
        call.sources(),
        layout,
        training=training,
        num_positions=call.num_positions,
    )
    c_n = results.h_n.new_empty(0) if results.c_n is None else results.c_n
    reserve = results.reserve
    if reserve is None:
        reserve = results.h_n.new_empty((call.D, 0), dtype=torch.uint8)
    return results.output, results.h_n, c_n, reserve


@_forward_operator.register_fake
def _(*arguments: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    *common, training = arguments
    call = _Call(*common)
    values, (D, N, H) = call.values, (call.D, call.N, call.H)
    state_shape = (N, H) if call.layout.kind == "step" else (D, N, H)
    output = values.new_empty((*call.shape, D * H))
    h_n = values.new_empty(state_shape)
    c_n = values.new_empty(state_shape if call.cell == "lstm" else 0)
    size = 0
    if training:
        # The engine's formula is a line (a test holds it), which sizes yet unknown can follow.
        none, one = (
            _pointers.reserve_size(call.cell, values.dtype, int(H), count) for count in (0, 1)
        )
        size = none + (one - none) * call.num_positions
    return output, h_n, c_n, values.new_empty((D, size), dtype=torch.uint8)


@torch.library.custom_op(
    "tidegate::layer_backward",
    mutates_args=(),
    schema=(
        f"({_COMMON}, Tensor output, Tensor reserve, Tensor? grad_output, Tensor? grad_h_n, "
        "Tensor? grad_c_n, bool[] wanted) -> Tensor[]"
    ),
)
def _backward_operator(*arguments: Any) -> list[Tensor]:
    """The gradients of those of values, h_0, c_0 and the weights that are wanted."""
    call = _Call(*arguments[:_NUM_COMMON])
    output, reserve, grad_output, grad_h_n, grad_c_n, wanted = arguments[_NUM_COMMON:]
    max_distinct = 0
    if call.ids is not None:
        max_distinct = min(call.values.size(0), call.ids.numel())
    layout = call.checked_layout()
    gradients = _pointers.backward(
        call.cell,
        call.sources(),
        layout,
        Results(output, output, None, reserve, max_distinct, None),
        (grad_output, grad_h_n, grad_c_n if call.cell == "lstm" else None),
        list(wanted),
    )
    grad_values = gradients.values
    if grad_values is not None and gradients.ids is not None:
        tokens = Tokens(call.ids, call.padding_idx)
        grad_values = _pointers.table_gradient(call.values, tokens, gradients.ids, grad_values)
    grads = (grad_values, gradients.h_0, gradients.c_0, *gradients.weights)
    return [grad for grad in grads if grad is not None]


@_backward_operator.register_fake
def _(*arguments: Any) -> list[Tensor]:
    inputs = _Call(*arguments[:_NUM_COMMON]).inputs()
    return [
        torch.empty_like(tensor, memory_format=torch.contiguous_format)
        for tensor, is_wanted in zip(inputs, arguments[-1], strict=True)
        if is_wanted and tensor is not None
    ]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    *common, ctx.training = inputs
    # Tensors are kept by autograd, which sees whether one has changed; the rest by name.
    ctx.is_tensor = [isinstance(value, Tensor) for value in common]
    ctx.others = [None if isinstance(value, Tensor) else value for value in common]
    # The output's owner may change it in place, as in tidegate.nn._fast. Where that cannot be told,
    # backward has a copy; inductor drops it from graphs that change nothing.
    ctx.watch = watch(output[0])
    kept = output[0].clone() if ctx.watch is None else output[0].data
    ctx.save_for_backward(
        *(value for value in common if isinstance(value, Tensor)), kept, output[3]
    )
    ctx.set_materialize_grads(False)


def _gradients(ctx: Any, *incoming: Tensor | None) -> tuple[Tensor | None, ...]:
    *tensors, output, reserve = ctx.saved_tensors
    saved = iter(tensors)
    common = [
        next(saved) if is_tensor else other
        for is_tensor, other in zip(ctx.is_tensor, ctx.others, strict=True)
    ]
    num_weights = 4 if common[9] is None else 8
    needed = ctx.needs_input_grad
    wanted = [needed[1], needed[3], needed[4], *needed[5 : 5 + num_weights]]
    if not ctx.training or has_changed(ctx.watch):
        output, _, _, reserve = _forward_operator(*common, True)
    grads = iter(_backward_operator(*common, output, reserve, *incoming[:3], wanted))
    values, h_0, c_0, *weights = [next(grads) if is_wanted else None for is_wanted in wanted]
    filled = [*weights, *(None,) * (8 - num_weights)]
    return (None, values, None, h_0, c_0, *filled, *(None,) * 7)


torch.library.register_autograd("tidegate::layer", _gradients, setup_context=_keep)


def _refuse(ctx: Any, *_: Any) -> None:
    raise NotImplementedError(
        "tidegate::layer: expected at most first derivatives of a compiled or exported graph, got "
        "a request for second ones; run the module itself, which has them"
    )


torch.library.register_autograd("tidegate::layer_backward", _refuse)
