"""RNN, LSTM and GRU: ``torch.nn``'s by arguments, parameters and results, on the engine."""

from typing import Any

import torch

from tidegate.nn._base import RecurrentLayers

RESETS = ("after", "before")


class RNN(RecurrentLayers):
    """A simple recurrent network of one or more layers, as ``torch.nn.RNN``.

    Recurrence (Elman 1990), with tanh or relu:
        h' = tanh(W_ih x + b_ih + W_hh h + b_hh)

    Parameters: ``weight_ih_l0`` (H, I), ``weight_hh_l0`` (H, H), ``bias_ih_l0`` and ``bias_hh_l0``
    (H,); further layers end in ``_l1`` and so on and read D*H features, backward directions end in
    ``_reverse``. A ``state_dict`` goes both ways between this and ``torch.nn.RNN``.

    Args:
        input_size: I, the features of a step.
        hidden_size: H, the units.
        num_layers: L, each reading what the one before it puts out.
        nonlinearity: ``"tanh"`` or ``"relu"``.
        bias: Whether there are biases.
        batch_first: Whether sequences are (N, T, ...) rather than (T, N, ...); states are not.
        dropout: The share of elements set to zero between layers while training.
        bidirectional: Whether every layer also runs from the end; D is 2, else 1.
        proj_size: 0, for the LSTM alone has a projection.
        device, dtype: Of the parameters.

    Call with:
        input: (T, N, I), (T, I) for a single sequence, or a ``PackedSequence``.
        hx: The initial state h_0, (L*D, N, H), or (L*D, H); zeros when left out.
        lengths: Beside a batch that is padded: the steps of every row, (N,), integers from 0 to T
            in any order, a tensor or a list. Nothing past a row's end is read, the output there is
            0, the backward direction starts at each row's end, and a row of length 0 ends in its
            initial state.
        offsets: Beside a flat input, (P, I), that holds one row after the other without padding:
            where each row begins and the end of the last, (N+1,), int64 or int32, ascending from
            0 to P, as Arrow's lists have it. ``batch_first`` says nothing about a flat input.

    Returns:
        The last layer's states after every step, both directions side by side, (T, N, D*H), flat
        (P, D*H) beside ``offsets``, or a ``PackedSequence``; and every layer's and direction's
        state after its last step, (L*D, N, H).

    Raises:
        ValueError: A dtype other than the weights', an input of neither 2 nor 3 dimensions, a
            length out of range, offsets that do not ascend from 0 to P; in the constructor, a
            value that makes no sense.
        RuntimeError: A size that does not fit; the message carries both shapes.
        TypeError: An argument of another type than expected.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        _refuse_projection("RNN", proj_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: expected nonlinearity of 'tanh', 'relu', got {nonlinearity!r}")
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity


class LSTM(RecurrentLayers):
    """A long short-term memory of one or more layers, as ``torch.nn.LSTM``.

    Recurrence (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000):
        i = sigmoid(W_ii x + b_ii + W_hi h + b_hi)   ...f and o likewise...
        g = tanh(W_ig x + b_ig + W_hg h + b_hg)
        c' = f * c + i * g
        h' = o * tanh(c')

    Parameters as :class:`RNN`'s, with the rows of the gates one under the other in the order
    i f g o; with ``proj_size`` = P (Sak et al. 2014), h' is ``weight_hr_l0`` (P, H) times that,
    and P stands for H in every shape of h.

    A call takes and returns what one of :class:`RNN` does, but that ``hx`` and the final state are
    pairs (h, c), c being (L*D, N, H). The engine has no projection: with one, the composite serves.
    """

    def __init__(
        self,
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
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )


class GRU(RecurrentLayers):
    """A gated recurrent unit of one or more layers, as ``torch.nn.GRU``, with either reset.

    Recurrence (Cho et al. 2014, arXiv:1406.1078; z keeps the old state):
        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        n = tanh(W_in x + b_in + r * (W_hn h + b_hn))     reset="after", torch.nn's (v1)
        n = tanh(W_in x + b_in + W_hn (r * h) + b_hn)     reset="before", the notebook's (v3)
        h' = (1 - z) * n + z * h

    No weights make the two equal. Parameters as :class:`RNN`'s, with the rows of the gates one
    under the other in the order r z n. A call takes and returns what one of :class:`RNN` does.

    Args:
        reset: Where the reset gate acts, ``"after"`` the recurrent product or ``"before"`` it.
    The rest as in :class:`RNN`.
    """

    def __init__(
        self,
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
        *,
        reset: str = "after",
    ) -> None:
        _refuse_projection("GRU", proj_size)
        check_reset("GRU", reset)
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.reset = reset

    @property
    def _cell(self) -> str:
        return f"gru_{self.reset}"

    def extra_repr(self) -> str:
        """The arguments that are not the default's."""
        suffix = "" if self.reset == "after" else f", reset={self.reset}"
        return super().extra_repr() + suffix


def check_reset(where: str, reset: str) -> None:
    """Raise ``ValueError`` for a reset that there is none of."""
    if reset not in RESETS:
        raise ValueError(f"{where}: expected reset of 'after', 'before', got {reset!r}")


def _refuse_projection(where: str, proj_size: int) -> None:
    if proj_size != 0:
        raise ValueError(
            f"{where}: expected no proj_size, which the LSTM alone has, got {proj_size}"
        )
