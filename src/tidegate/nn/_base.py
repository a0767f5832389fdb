"""What RNN, LSTM and GRU share: construction, parameters, checks, and the steps of a call.

They look like ``torch.nn``'s and are not subclasses of them: ``torch.compile`` and others break
the graph on every instance of ``torch.nn.RNNBase``.
"""

import math
from numbers import Number
from typing import Any
from warnings import warn

import torch
from torch import Tensor, nn

from tidegate.nn import _arguments as arguments
from tidegate.nn import _graphs, _parameters, _path
from tidegate.nn._composite import State, Weights
from tidegate.nn._layout import Layout

NUM_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class RecurrentLayers(nn.Module):
    """Base of RNN, LSTM and GRU, with the attributes and methods of ``torch.nn.RNNBase``."""

    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    bidirectional: bool
    proj_size: int

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        if isinstance(dropout, bool) or not isinstance(dropout, Number) or not 0 <= dropout <= 1:
            raise ValueError(f"{where}: expected dropout between 0 and 1, got {dropout!r}")
        for name, value in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(value, bool):
                raise TypeError(f"{where}: expected {name} of type bool, got {value!r}")
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(size, int):
                raise TypeError(f"{where}: expected {name} of type int, got {size!r}")
            if size <= 0:
                raise ValueError(f"{where}: expected {name} above 0, got {size}")
        if num_layers <= 0:
            raise ValueError(f"{where}: expected num_layers above 0, got {num_layers}")
        if not 0 <= proj_size < hidden_size:
            raise ValueError(
                f"{where}: expected proj_size of 0 (none) or below hidden_size = {hidden_size}, "
                f"got {proj_size}"
            )
        if dropout > 0 and num_layers == 1:
            warn(
                f"{where}: dropout = {dropout} acts between layers, and num_layers = 1 has no "
                "between",
                stacklevel=3,
            )
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._make_parameters(device, dtype)
        self.reset_parameters()

    def _make_parameters(self, device: Any, dtype: torch.dtype | None) -> None:
        """Parameters named, shaped and ordered as torch.nn's."""
        gates = NUM_GATES[self.mode] * self.hidden_size
        num_directions = 2 if self.bidirectional else 1
        output_size = self.proj_size or self.hidden_size
        self._all_weights: list[list[str]] = []
        all_shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(self.num_layers):
            input_size = output_size * num_directions if layer else self.input_size
            shapes: dict[str, tuple[int, ...]] = {
                "weight_ih": (gates, input_size),
                "weight_hh": (gates, output_size),
            }
            if self.bias:
                shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
            if self.proj_size:
                shapes["weight_hr"] = (self.proj_size, self.hidden_size)
            for suffix in ("", "_reverse")[:num_directions]:
                names = [f"{kind}_l{layer}{suffix}" for kind in shapes]
                all_shapes |= zip(names, shapes.values(), strict=True)
                self._all_weights.append(names)
        made = _parameters.make(type(self).__name__, all_shapes, device, dtype)
        for name, parameter in made.items():
            self.register_parameter(name, parameter)
        self._flat_weights_names = [name for names in self._all_weights for name in names]

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from +-1/sqrt(H), in torch.nn's order."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: there is no flat copy of the parameters to refresh."""

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of every layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._flat_weights_names]

    @property
    def _cell(self) -> str:
        """The cell's name in the engine."""
        return self.mode.lower()

    @property
    def _dtype(self) -> torch.dtype:
        """The weights' dtype."""
        name = self._flat_weights_names[0]
        weight = self._parameters.get(name)
        # A parametrised weight is computed anew where it is read, and is none of the parameters.
        dtype: torch.dtype = (getattr(self, name) if weight is None else weight).dtype
        return dtype

    def _weights(self) -> list[Weights]:
        """The parameters of every layer and direction, as they are now.

        Read by name at each call, so that whatever takes a parameter's place is seen:
        ``parametrize``, ``functional_call``, a plain tensor.

        Raises:
            RuntimeError: One is of another shape than it was made with.
        """
        own = self._parameters
        H, P, D = self.hidden_size, self.proj_size, 2 if self.bidirectional else 1
        input_size, gates = self.input_size, NUM_GATES[self.mode] * H
        weights = []
        for index, names in enumerate(self._all_weights):
            if index == D:
                input_size = (P or H) * D
            tensors: list[Any] = [
                own[name] if name in own else getattr(self, name) for name in names
            ]
            if not self.bias:
                tensors[2:2] = [None, None]
            w = Weights(*tensors)
            suffix = names[0].removeprefix("weight_ih")
            arguments.check_weights(type(self).__name__, suffix, w, gates, input_size, H, P)
            weights.append(w)
        return weights

    def get_expected_hidden_size(
        self, input: Tensor, batch_sizes: Tensor | None
    ) -> tuple[int, int, int]:
        """The shape of ``h_0`` and ``h_n`` for a batched input, or for the data of a packed one."""
        if batch_sizes is not None:
            N = int(batch_sizes[0])
        else:
            N = input.size(0 if self.batch_first else 1)
        D = 2 if self.bidirectional else 1
        return self.num_layers * D, N, self.proj_size or self.hidden_size

    def extra_repr(self) -> str:
        """The arguments that are not the default's, as torch.nn writes them."""
        parts = [str(self.input_size), str(self.hidden_size)]
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        for name, default in defaults.items():
            if getattr(self, name) != default:
                parts.append(f"{name}={getattr(self, name)}")
        return ", ".join(parts)

    def forward(
        self, input: Any, hx: Any = None, lengths: Any = None, offsets: Any = None
    ) -> tuple[Any, Any]:
        """Run over a batch of sequences; the arguments and results are those of the class."""
        # Nothing is keyword-only: the TorchScript exporter to ONNX hands over all by position.
        if _graphs.are_symbols(input, hx):
            return _graphs.leaf(self, input, hx, lengths=lengths, offsets=offsets)  # type: ignore[no-any-return]
        call = arguments.prepare(self, input, hx, lengths, offsets)
        return arguments.finish(self, input, call, *self._run(call))

    def explain(
        self, input: Any, hx: Any = None, lengths: Any = None, offsets: Any = None
    ) -> _path.Explanation:
        """Say which path ``forward`` takes with these arguments, and why, without running it.

        Raises:
            What ``forward`` raises for arguments that do not fit.
        """
        call = arguments.prepare(self, input, hx, lengths, offsets)
        return _path.explain(self._obstacle(call, self._weights()))

    def _obstacle(self, call: arguments.Call, weights: list[Weights]) -> str | None:
        """Why the engine cannot serve a call; None where it can."""
        if self.proj_size:
            return "the engine has no projection (proj_size)"
        tensors: list[Tensor | None] = [call.values, *(call.states or ())]
        for w in weights:
            tensors += w
        return _path.obstacle(tensors)

    def _run(self, call: arguments.Call) -> tuple[Tensor, State]:
        """The last layer's output and the final states, (L*D, N, H), by the path that serves."""
        weights = self._weights()
        reason = self._obstacle(call, weights)
        if reason is not None:
            _path.take_slow_path(type(self).__name__, reason)
        values, states, layout, tokens = call
        D = 2 if self.bidirectional else 1
        finals: list[State] = []
        for first in range(0, self.num_layers * D, D):
            if first and self.training and self.dropout:
                values = layout.dropout(values, self.dropout)
            initial = None if states is None else tuple(s[first : first + D] for s in states)
            values, final = _path.layer(
                reason, self._cell, values, initial, weights[first : first + D], layout, tokens
            )
            tokens = None
            finals.append(final)
        states = finals[0]
        if len(finals) > 1:
            states = tuple(torch.cat(parts) for parts in zip(*finals, strict=True))
        if self._gives_autocast_dtype(values, layout):
            dtype = torch.get_autocast_dtype("cpu")
            values, states = values.to(dtype), tuple(s.to(dtype) for s in states)
        return values, states

    def _gives_autocast_dtype(self, output: Tensor, layout: Layout) -> bool:
        """Whether torch.nn's layer would cast its results; the LSTM does so in its fused form."""
        return (
            self.mode == "LSTM"
            and not self.proj_size
            and layout.kind != "packed"
            and output.dtype is torch.float32
            and torch.is_autocast_enabled("cpu")
        )
