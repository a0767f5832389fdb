"""Embedding and recurrence in one: every distinct token's input product is computed once."""

from typing import Any, cast

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from tidegate.nn import _path
from tidegate.nn._arguments import Table, finish, prepare
from tidegate.nn._base import RecurrentLayers


class TextEncoder(nn.Module):
    """An embedding and recurrent layers that read it, equal to calling one after the other.

    The engine reads ids and table as they are: what a token feeds into the first layer is computed
    once for all its occurrences in a batch, and the table's gradient comes from the rows of the
    tokens that occur.

        encoder = TextEncoder(nn.Embedding(10_000, 128), tidegate.nn.GRU(128, 64))
        output, h_n = encoder(ids, lengths=lengths)

    Parameters: ``embedding.weight`` (V, I) and ``recurrent.weight_ih_l0`` and so on. Where a part
    has hooks, or the embedding ``max_norm``, ``scale_grad_by_freq`` or a forward of its own, the
    parts are called one after the other.

    Args:
        embedding: With ``sparse=True`` its gradient is a sparse tensor; ``padding_idx`` is a row
            without a gradient.
        recurrent: An RNN, LSTM or GRU of this package.

    Call with:
        tokens: Ids, int64 or int32: (T, N), or (N, T) with the layer's ``batch_first``; (T,) for a
            single sequence; (P,) beside ``offsets``; or a ``PackedSequence`` of ids.
        hx, lengths, offsets: As of the recurrent layer.

    Returns:
        What the recurrent layer returns.

    Raises:
        TypeError: The parts are of other classes, or the ids are not integers.
        ValueError: The embedding is not as wide as the layer reads; ids of neither 1 nor 2
            dimensions.
        IndexError: An id outside of the table.
    The rest as the recurrent layer.
    """

    def __init__(self, embedding: nn.Embedding, recurrent: RecurrentLayers) -> None:
        super().__init__()
        if not isinstance(embedding, nn.Embedding):
            raise TypeError(f"TextEncoder: expected embedding of nn.Embedding, got {embedding!r}")
        if not isinstance(recurrent, RecurrentLayers):
            raise TypeError(
                "TextEncoder: expected recurrent of tidegate.nn.RNN, LSTM, GRU, got "
                f"{type(recurrent).__module__}.{type(recurrent).__qualname__}"
            )
        if embedding.embedding_dim != recurrent.input_size:
            raise ValueError(
                "TextEncoder: expected an embedding of the layer's input_size = "
                f"{recurrent.input_size}, got embedding_dim = {embedding.embedding_dim}"
            )
        self.embedding = embedding
        self.recurrent = recurrent

    def forward(
        self, tokens: Any, hx: Any = None, lengths: Any = None, offsets: Any = None
    ) -> tuple[Any, Any]:
        """Run over a batch of token sequences; the arguments and results are those of the class."""
        if self._must_be_apart():
            vectors = self._embedded(tokens)
            results = self.recurrent(vectors, hx, lengths=lengths, offsets=offsets)
            return cast(tuple[Any, Any], results)
        call = prepare(self.recurrent, tokens, hx, lengths, offsets, self.embedding)
        return finish(self.recurrent, tokens, call, *self.recurrent._run(call))

    def explain(
        self, tokens: Any, hx: Any = None, lengths: Any = None, offsets: Any = None
    ) -> _path.Explanation:
        """Say which path ``forward`` takes with these arguments, and why, without running it."""
        if self._must_be_apart():
            vectors = self._embedded(tokens)
            return self.recurrent.explain(vectors, hx, lengths=lengths, offsets=offsets)
        call = prepare(self.recurrent, tokens, hx, lengths, offsets, self.embedding)
        return _path.explain(self.recurrent._obstacle(call, self.recurrent._weights()))

    def _must_be_apart(self) -> bool:
        """Whether there is something between the parts that reading the table would pass by."""
        embedding, recurrent = self.embedding, self.recurrent
        return (
            embedding.max_norm is not None
            or embedding.scale_grad_by_freq
            or type(embedding).forward is not nn.Embedding.forward
            or any(_has_hooks(part) or "forward" in vars(part) for part in (embedding, recurrent))
            or type(recurrent).forward is not RecurrentLayers.forward
        )

    def _embedded(self, tokens: Any) -> Any:
        if isinstance(tokens, PackedSequence):
            return tokens._replace(data=self.embedding(tokens.data))
        return self.embedding(tokens)


def over_table(
    recurrent: RecurrentLayers,
    table: Tensor,
    ids: Any,
    hx: Any = None,
    *,
    lengths: Any = None,
    offsets: Any = None,
) -> tuple[Any, Any]:
    """Run recurrent layers over the rows of a table that ids name.

    Equal to ``recurrent(table[ids], hx, ...)``, with each row's input product computed once. The
    table may be the result of other operations: its gradient is dense, (V, I).

    Args:
        recurrent: An RNN, LSTM or GRU of this package.
        table: (V, I).
        ids, hx: As the ``tokens`` and ``hx`` of :class:`TextEncoder`.
        lengths, offsets: As of the recurrent layer.

    Returns, raises: As :class:`TextEncoder`.
    """
    call = prepare(recurrent, ids, hx, lengths, offsets, Table(table))
    return finish(recurrent, ids, call, *recurrent._run(call))


def _has_hooks(module: nn.Module) -> bool:
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
