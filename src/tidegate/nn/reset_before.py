"""The GRU with reset before the recurrent product, as a loop of torch operations."""

import math

import torch
from torch import Tensor, nn


class GRUResetBefore(nn.Module):
    """One layer of the GRU of Cho et al. 2014 (arXiv:1406.1078, v3) and of the notebook.

    Recurrence, with PyTorch's names, gate order (r, z, n) and update (z keeps the old state):
        r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)
        z = sigmoid(W_iz x + b_iz + W_hz h + b_hz)
        n = tanh(W_in x + b_in + W_hn (r * h) + b_hn)
        h' = (1 - z) * n + z * h

    ``torch.nn.GRU`` has only the other form, with r * (W_hn h + b_hn), and no weights make the two
    equal. Parameters are named, shaped and initialised as its: ``weight_ih_l0`` (3*H, I),
    ``weight_hh_l0`` (3*H, H), ``bias_ih_l0`` and ``bias_hh_l0`` (3*H,).

    Args:
        input_size: I, the features of a step.
        hidden_size: H, the units.
        batch_first: Whether input and output are (N, T, ...) rather than (T, N, ...).
    """

    def __init__(self, input_size: int, hidden_size: int, *, batch_first: bool = False) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.batch_first = batch_first
        self.weight_ih_l0 = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(3 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(3 * hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter uniformly from +-1/sqrt(H), as ``torch.nn.GRU`` does."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Run over whole sequences.

        Args:
            input: Shape (T, N, I), or (N, T, I) with ``batch_first``.
            hx: The initial state, shape (1, N, H); zeros when left out.

        Returns:
            The states after every step, (T, N, H) or (N, T, H), and after the last, (1, N, H).

        Raises:
            RuntimeError: A size that does not fit; the message carries both shapes.
        """
        steps = input.transpose(0, 1) if self.batch_first else input
        if steps.dim() != 3 or steps.size(2) != self.input_size:
            raise RuntimeError(
                f"GRUResetBefore: expected input of 3 dimensions, the last of I = "
                f"{self.input_size}, got {tuple(input.shape)}"
            )
        state_shape = (1, steps.size(1), self.hidden_size)
        if hx is not None and tuple(hx.shape) != state_shape:
            raise RuntimeError(
                f"GRUResetBefore: expected hx of shape (1, N, H) = {state_shape}, "
                f"got {tuple(hx.shape)}"
            )
        h = steps.new_zeros(state_shape[1:]) if hx is None else hx[0]

        # All that does not depend on the state is computed for every step at once.
        H = self.hidden_size
        x_rz, x_n = nn.functional.linear(
            steps, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0
        ).split([2 * H, H], dim=2)
        U_rz, U_n = (weight.t() for weight in self.weight_hh_l0.split([2 * H, H]))
        output = []
        for x_rz_t, x_n_t in zip(x_rz.unbind(), x_n.unbind(), strict=True):
            r, z = torch.addmm(x_rz_t, h, U_rz).sigmoid().split(H, dim=1)
            n = torch.addmm(x_n_t, r * h, U_n).tanh()
            h = torch.lerp(n, h, z)
            output.append(h)
        stacked = torch.stack(output) if output else steps.new_zeros((0, *state_shape[1:]))
        return stacked.transpose(0, 1) if self.batch_first else stacked, h.unsqueeze(0)

    def extra_repr(self) -> str:
        """The arguments, for ``repr``."""
        suffix = ", batch_first=True" if self.batch_first else ""
        return f"{self.input_size}, {self.hidden_size}{suffix}"
