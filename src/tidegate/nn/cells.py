"""RNNCell, LSTMCell and GRUCell: one step, ``torch.nn``'s by arguments, parameters and results."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.nn import _graphs, _parameters, _path
from tidegate.nn._arguments import as_pair, check_weights
from tidegate.nn._composite import State, Weights
from tidegate.nn._layout import Layout
from tidegate.nn.layers import check_reset


class RecurrentCell(nn.Module):
    """Base of the cells: parameters ``weight_ih``, ``weight_hh``, ``bias_ih`` and ``bias_hh``.

    Args:
        input_size: I, the features of the input.
        hidden_size: H, the units.
        bias: Whether there are biases.
        num_chunks: G, the gates.
        device, dtype: Of the parameters.

    Call with:
        input: (N, I), or (I,) without a batch.
        hx: The state h, (N, H) or (H,), for the LSTM a pair (h, c); zeros when left out.

    Returns:
        The state after reading the input, shaped as ``hx``.

    Raises:
        ValueError: An input or state of neither 1 nor 2 dimensions.
        RuntimeError: A size or dtype that does not fit; the message carries both.
    """

    _cell: str
    _num_gates: int
    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (gates, input_size),
            "weight_hh": (gates, hidden_size),
        }
        if bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        made = _parameters.make(type(self).__name__, shapes, device, dtype)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            self.register_parameter(name, made.get(name))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from +-1/sqrt(H), in torch.nn's order."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        """The arguments that are not the default's, as torch.nn writes them."""
        suffix = "" if self.bias is True else f", bias={self.bias}"
        return f"{self.input_size}, {self.hidden_size}{suffix}"

    def explain(self, input: Tensor, hx: Any = None) -> _path.Explanation:
        """Say which path ``forward`` takes with these arguments, and why, without running it."""
        weights = self._weights()
        batch, states = self._prepare(input, hx, weights.ih.dtype)
        return _path.explain(self._obstacle(batch, states, weights))

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Read one step; the arguments and results are those of the class."""
        if _graphs.are_symbols(input, hx):
            return _graphs.leaf(self, input, hx)
        weights = self._weights()
        batch, states = self._prepare(input, hx, weights.ih.dtype)
        reason = self._obstacle(batch, states, weights)
        if reason is not None:
            _path.take_slow_path(type(self).__name__, reason)
        layout = Layout("step", batch.size(0), 1, None, None)
        _, finals = _path.layer(reason, self._cell, batch, states, [weights], layout)
        if input.dim() == 1:
            finals = tuple(s.squeeze(0) for s in finals)
        return finals if self._cell == "lstm" else finals[0]

    def _weights(self) -> Weights:
        own = self._parameters
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        tensors: list[Any] = [own[name] if name in own else getattr(self, name) for name in names]
        weights = Weights(*tensors)
        H = self.hidden_size
        check_weights(type(self).__name__, "", weights, self._num_gates * H, self.input_size, H)
        return weights

    def _obstacle(self, input: Tensor, states: State | None, weights: Weights) -> str | None:
        if self.hidden_size == 0:
            return "the engine computes cells of at least one unit"
        return _path.obstacle([input, *(states or ()), *weights])

    def _prepare(self, input: Tensor, hx: Any, dtype: torch.dtype) -> tuple[Tensor, State | None]:
        """Check the arguments of a call; the input as (N, I) and the states as (N, H)."""
        if not _graphs.are_traced():
            return self._checked(input, hx, dtype)
        with _graphs.checks_alone():
            return self._checked(input, hx, dtype)

    def _checked(self, input: Tensor, hx: Any, dtype: torch.dtype) -> tuple[Tensor, State | None]:
        where = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(
                f"{where}: expected input of 2 dimensions, or 1 without a batch, got "
                f"{tuple(input.shape)}"
            )
        states: State | None = None
        if hx is not None:
            states = self._as_states(hx)
            for state in states:
                if state.dim() not in (1, 2):
                    raise ValueError(
                        f"{where}: expected hx of {input.dim()} dimensions, as the input, got "
                        f"{tuple(state.shape)}"
                    )
        if input.dim() == 1:
            input = input.unsqueeze(0)
            states = None if states is None else tuple(s.unsqueeze(0) for s in states)
        if input.size(1) != self.input_size:
            raise RuntimeError(
                f"{where}: expected input of input_size = {self.input_size} features, got "
                f"{tuple(input.shape)}"
            )
        shape = (input.size(0), self.hidden_size)
        for tensor in (input, *(states or ())):
            if tensor.dtype != dtype and not torch._C._is_any_autocast_enabled():
                raise RuntimeError(
                    f"{where}: expected input and hx of the weights' dtype, {dtype}, got "
                    f"{tensor.dtype}"
                )
            if tensor is not input and tensor.shape != shape:
                raise RuntimeError(
                    f"{where}: expected hx of shape (N, H) = {shape}, got {tuple(tensor.shape)}"
                )
        return input, states

    def _as_states(self, hx: Any) -> State:
        return (hx,)


class RNNCell(RecurrentCell):
    """One step of the simple recurrent network, as ``torch.nn.RNNCell``.

    Recurrence: that of :class:`RNN`. Parameters and calls as the base's, with G = 1.

    Args:
        nonlinearity: ``"tanh"`` or ``"relu"``.
    The rest as in the base.
    """

    _num_gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    @property
    def _cell(self) -> str:  # type: ignore[override]
        return f"rnn_{self.nonlinearity}"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Any:
        """Read one step; the arguments and results are those of the class."""
        # Refused here and not in the constructor, as torch.nn.RNNCell does.
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(
                f"RNNCell: expected nonlinearity of 'tanh', 'relu', got {self.nonlinearity!r}"
            )
        return super().forward(input, hx)

    def extra_repr(self) -> str:
        """The arguments that are not the default's, as torch.nn writes them."""
        suffix = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + suffix


class LSTMCell(RecurrentCell):
    """One step of the long short-term memory, as ``torch.nn.LSTMCell``.

    Recurrence: that of :class:`LSTM`, gates in the order i f g o. Parameters and calls as the
    base's, with G = 4.
    """

    _cell = "lstm"
    _num_gates = 4

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def _as_states(self, hx: Any) -> State:
        return as_pair("LSTMCell", hx)


class GRUCell(RecurrentCell):
    """One step of the gated recurrent unit, as ``torch.nn.GRUCell``, with either reset.

    Recurrence: that of :class:`GRU`, gates in the order r z n. Parameters and calls as the base's,
    with G = 3.

    Args:
        reset: Where the reset gate acts, ``"after"`` the recurrent product or ``"before"`` it.
    The rest as in the base.
    """

    _num_gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: torch.dtype | None = None,
        *,
        reset: str = "after",
    ) -> None:
        check_reset("GRUCell", reset)
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)
        self.reset = reset

    @property
    def _cell(self) -> str:  # type: ignore[override]
        return f"gru_{self.reset}"

    def extra_repr(self) -> str:
        """The arguments that are not the default's."""
        suffix = "" if self.reset == "after" else f", reset={self.reset}"
        return super().extra_repr() + suffix
