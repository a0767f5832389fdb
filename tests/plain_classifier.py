"""The classifier written out in plain PyTorch: every sequence by itself, every step in a loop."""

from itertools import pairwise

import torch


class Plain:
    """What a classifier answers, from its parameters alone.

    Masks are asked for under their purposes, in the shapes that they should have.
    """

    def __init__(self, model, masks=None):
        self.model, self.masks, self.architecture = model, masks, model.architecture
        self.numbers = dict(model.named_parameters())

    def __call__(self, inputs):
        """As the classifier's forward."""
        vectors = self.embedded(inputs)
        rows = [
            self.answer(vectors[begin:end], number, len(inputs.offsets) - 1)
            for number, (begin, end) in enumerate(pairwise(inputs.offsets.tolist()))
        ]
        found = self.dropped(torch.stack(rows), "head", self.model.dropout.head)
        return found @ self.numbers["head.weight"].T + self.numbers["head.bias"]

    def dropped(self, values, purpose, share, *shape):
        if self.masks is None or not share:
            return values
        return values * self.masks.keep(purpose, share, *(shape or values.shape))

    def embedded(self, inputs):
        """What the first layer reads, (P, I)."""
        dropout = self.model.dropout
        vectors = inputs.features if inputs.words is None else self.words(inputs)
        vectors = self.dropped(vectors, "words", dropout.words, len(vectors), 1)
        return self.dropped(vectors, "places", dropout.places)

    def words(self, inputs):
        """Those of words and pairs, before whole steps and single elements are dropped."""
        dropout, scale = self.model.dropout, self.model.embedding_scale
        rows = self.numbers["embedding.weight"][inputs.words.distinct]
        rows = (rows - self.model.embedding_mean) / scale
        vectors = self.dropped(rows, "word elements", dropout.embedding)[inputs.words.slots]
        if inputs.bigrams is not None:
            rows = self.numbers["bigram_embedding.weight"][inputs.bigrams.distinct] / scale
            rows = self.dropped(rows, "bigram elements", dropout.embedding)[inputs.bigrams.slots]
            has_none = inputs.bigrams.distinct[inputs.bigrams.slots] == 0
            vectors = vectors + rows.masked_fill(has_none.unsqueeze(1), 0)
        return vectors

    def answer(self, vectors, number, N):
        """What the head reads of one sequence, (F,); it is the number-th of N."""
        states = vectors
        for layer in range(self.architecture.num_layers):
            shape, share = (N, states.size(1)), self.model.dropout.variational
            given = states
            if self.masks is not None and share:
                given = given * self.masks.keep(f"layer {layer} features", share, *shape)[number]
            output, final = self.layer(given, layer)
            is_residual = self.architecture.residual and output.size(1) == states.size(1)
            states = output + states if is_residual else output
        return pooled(self.model, states, final)

    def layer(self, steps, number):
        """The states after every step, (T, D*H), and at each direction's end, (D*H,)."""
        sides, ends = [], []
        for suffix in ("_l0", "_l0_reverse")[: 1 + self.architecture.bidirectional]:
            W, U, b, c = (
                self.numbers[f"recurrent.{number}.{kind}{suffix}"]
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            )
            name = f"{number}.weight_hh{suffix}"
            U = self.dropped(U, name, self.model.dropout.recurrent)
            backwards = suffix.endswith("reverse")
            states = run(self.architecture.cell, steps.flip(0) if backwards else steps, W, U, b, c)
            ends.append(states[-1] if len(states) else U.new_zeros(U.size(1)))
            sides.append(states.flip(0) if backwards else states)
        return torch.cat(sides, 1), torch.cat(ends)


def run(cell, steps, W, U, b, c):
    """The states after every step, (T, H), by the equations of :mod:`tidegate.equations`."""
    h = memory = U.new_zeros(U.size(1))
    found = [h]
    for x in steps:
        given, kept = W @ x + b, U @ h + c
        if cell == "rnn":
            h = torch.tanh(given + kept)
        elif cell == "lstm":
            i, f, g, o = (given + kept).chunk(4)
            memory = torch.sigmoid(f) * memory + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(memory)
        else:
            (W_r, W_z, W_n), (U_r, U_z, U_n) = given.chunk(3), kept.chunk(3)
            r, z = torch.sigmoid(W_r + U_r), torch.sigmoid(W_z + U_z)
            again = r * U_n if cell == "gru" else U.chunk(3)[2] @ (r * h) + c.chunk(3)[2]
            h = (1 - z) * torch.tanh(W_n + again) + z * h
        found.append(h)
    return torch.stack(found)[1:]


def pooled(model, states, final):
    """One vector of a sequence's states, (T, F), and of those at its ends, (F,)."""
    kind, zeros = model.architecture.pooling, torch.zeros_like(final)
    if kind == "attention":
        return torch.softmax(states @ model.pooling.attention.weight, 0) @ states
    parts = {
        "mean": states.mean(0) if len(states) else zeros,
        "max": states.max(0).values if len(states) else zeros,
        "last": final,
    }
    return torch.cat([parts[name] for name in kind.split("+")])
