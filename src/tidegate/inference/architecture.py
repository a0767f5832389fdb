"""The architecture of a network: everything that inference needs beside its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from tidegate.cells import CELLS, NUM_GATES
from tidegate.errors import FormatError

HORIZON = "horizon"
"""No pooling: the head reads the states of the last steps, one by one, to forecast them."""
POOLINGS = ("last", "mean", "max", "mean+max", "mean+max+last", "attention", HORIZON)
"""Names of the ways of pooling over time."""

MAX_SIZE = 1 << 31
"""Every size of a network is below this."""
MAX_LAYERS = 256
"""The most recurrent layers of a network."""
MAX_MEMBERS = 256
"""The most networks of an ensemble."""


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network: embedding, recurrent layers, pooling over time, linear head.

    Raises:
        ValueError: A size is out of its range, or the cell or the pooling is unknown.
    """

    cell: str
    """A name of :data:`tidegate.cells.CELLS`."""
    hidden_size: int
    """H, units of a layer and direction."""
    vocabulary_size: int = 0
    """Number of token ids; 0 for a network that reads numbers."""
    input_size: int = 0
    """Numbers at every step; 0 for a network that reads token ids."""
    embedding_dim: int = 0
    """d, the width of the embedding; 0 for a network that reads numbers."""
    num_layers: int = 1
    bidirectional: bool = False
    residual: bool = False
    """Whether a layer's input is added to its output where both are equally wide."""
    pooling: str = "last"
    """One of :data:`POOLINGS`."""
    bigram_vocabulary_size: int = 0
    """Number of ids of pairs of tokens; 0 for none."""
    num_outputs: int = 1
    """C, logits or numbers of the head."""
    num_members: int = 1
    """Networks of these sizes whose outputs are averaged; 1 for a single network."""
    horizon: int = 0
    """H, the last steps that are forecast; 0 for a network that answers once a sequence."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value: Any = getattr(self, field.name)
            kind: Any = field.type
            if type(value) is not kind or (kind is int and not 0 <= value < MAX_SIZE):
                raise ValueError(
                    f"architecture: expected {field.name} of type {kind.__name__}"
                    f"{', from 0 to below 2^31' if kind is int else ''}, got {value!r}"
                )
        if self.cell not in CELLS:
            raise ValueError(f"architecture: expected a cell of {[*CELLS]}, got {self.cell!r}")
        if self.pooling not in POOLINGS:
            raise ValueError(
                f"architecture: expected pooling of {', '.join(POOLINGS)}, got {self.pooling!r}"
            )
        if bool(self.vocabulary_size) == bool(self.input_size):
            raise ValueError(
                "architecture: expected either vocabulary_size or input_size, got "
                f"{self.vocabulary_size} and {self.input_size}"
            )
        needed = ["hidden_size", "num_layers", "num_outputs", "num_members"]
        needed += ["embedding_dim"] * bool(self.vocabulary_size)
        for name in needed:
            if getattr(self, name) < 1:
                raise ValueError(f"architecture: expected {name} of at least 1, got 0")
        for name, most in (("num_layers", MAX_LAYERS), ("num_members", MAX_MEMBERS)):
            if getattr(self, name) > most:
                raise ValueError(
                    f"architecture: expected {name} of at most {most}, got {getattr(self, name)}"
                )

        if (self.pooling == HORIZON) != (self.horizon > 0) or self.num_outputs % self.heads:
            raise ValueError(
                "architecture: expected a horizon with the pooling 'horizon' alone, and as many "
                f"outputs at each of its steps, got pooling {self.pooling!r}, horizon "
                f"{self.horizon} and {self.num_outputs} outputs"
            )

    @property
    def heads(self) -> int:
        """How many times the head answers for a sequence: once, or at each step of the horizon."""
        return max(self.horizon, 1)

    @property
    def width(self) -> int:
        """I, the input size of the first layer."""
        return self.embedding_dim if self.vocabulary_size else self.input_size

    @property
    def num_directions(self) -> int:
        """D: 2 for bidirectional layers, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def head_width(self) -> int:
        """The input size of the head."""
        states = self.num_directions * self.hidden_size
        return states * (self.pooling.count("+") + 1)

    @property
    def member(self) -> Self:
        """The architecture of one network of an ensemble."""
        return replace(self, num_members=1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor, by PyTorch's name of it.

        In an ensemble the names of network K begin with ``members.K.``, counted from 0.
        """
        if self.num_members > 1:
            own = self.member.shapes()
            return {
                f"{member_prefix(number)}{name}": shape
                for number in range(self.num_members)
                for name, shape in own.items()
            }
        shapes: dict[str, tuple[int, ...]] = {
            "embedding_mean": (self.width,),
            "embedding_scale": (),
        }
        if self.vocabulary_size:
            shapes["embedding.weight"] = (self.vocabulary_size, self.width)
        if self.bigram_vocabulary_size:
            shapes["bigram_embedding.weight"] = (self.bigram_vocabulary_size, self.width)
        states, rows = (
            self.num_directions * self.hidden_size,
            NUM_GATES[self.cell] * self.hidden_size,
        )
        for layer in range(self.num_layers):
            read = self.width if layer == 0 else states
            for suffix in ("", "_reverse")[: self.num_directions]:
                for name, shape in (
                    ("weight_ih", (rows, read)),
                    ("weight_hh", (rows, self.hidden_size)),
                    ("bias_ih", (rows,)),
                    ("bias_hh", (rows,)),
                ):
                    shapes[f"recurrent.{layer}.{name}_l0{suffix}"] = shape
        if self.pooling == "attention":
            shapes["pooling.attention.weight"] = (states,)
        per_answer = self.num_outputs // self.heads
        shapes["head.weight"] = (per_answer, self.head_width)
        shapes["head.bias"] = (per_answer,)
        return shapes

    def to_json(self) -> dict[str, Any]:
        """All fields by name, for a JSON file."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The architecture of :meth:`to_json`.

        Raises:
            FormatError: The content is not that of an architecture.
        """
        expected = {field.name for field in fields(cls)}
        # Folders from before there were ensembles and forecasts lack their fields.
        if {*content, "num_members", "horizon"} != expected:
            raise FormatError(
                f"architecture: expected {sorted(expected)}, got {sorted(map(str, content))}"
            )
        try:
            return cls(**content)
        except ValueError as error:
            raise FormatError(str(error)) from error


def member_prefix(number: int) -> str:
    """What the names of the tensors of an ensemble's network begin with, counted from 0."""
    return f"members.{number}."
