"""Schedules for optimisers: which rows occur when, with which gradients and rates."""

from dataclasses import dataclass

import numpy as np
import torch

from tidegate.optim import Adam

DTYPES = [torch.float32, torch.float64]


@dataclass(frozen=True)
class Schedule:
    """T steps on a table (V, d); rows occur by Zipf's law, the last one never."""

    V: int
    d: int
    T: int
    per_step: int = 4
    scale: float = 1.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    betas_change: bool = False
    eps: float = 1e-8

    def gradient(self, step, dtype):
        """Distinct ids, int64 (K,), and their gradients, (K, d), over some orders of magnitude."""
        draws = np.random.default_rng([7, step])
        ids = np.unique(draws.zipf(1.2, self.per_step) % (self.V - 1))
        rows = draws.normal(size=(len(ids), self.d)) * self.scale * 10.0 ** -(step % 7)
        rows[:, step % self.d] = 0
        return torch.from_numpy(ids), torch.from_numpy(rows).to(dtype)

    def set_options(self, group, step):
        """Rates that rise, fall and rest at 0."""
        group["lr"] = 0.0 if step % 50 == 49 else 1e-2 * (1 + np.cos(step / 40))
        if self.betas_change:
            group["betas"] = (0.9 - 0.3 * (step % 2), 0.99 - 0.5 * (step % 30 == 0))


def bits(tensor):
    return tensor.detach().numpy().tobytes()


def run(schedule, *, sparse, dtype=torch.float32, reload_at=None):
    """The table and its optimiser's state after all steps; begun anew from a dictionary between."""
    draws = torch.Generator().manual_seed(3)
    table = torch.nn.Parameter(
        torch.randn(schedule.V, schedule.d, generator=draws, dtype=dtype) * 0.1
    )
    with torch.no_grad():
        table[:, 0] = 0

    def make():
        return Adam([table], weight_decay=schedule.weight_decay, eps=schedule.eps)

    optimizer = make()
    for step in range(schedule.T):
        ids, rows = schedule.gradient(step, dtype)
        group = optimizer.param_groups[0]
        group["betas"] = schedule.betas
        schedule.set_options(group, step)
        if sparse:
            optimizer.catch_up(table, ids)
            table.grad = torch.sparse_coo_tensor(
                ids[None], rows, table.shape, is_coalesced=True, check_invariants=False
            )
        else:
            table.grad = torch.zeros_like(table).index_copy_(0, ids, rows)
        optimizer.step()
        if step == reload_at:
            optimizer.catch_up()
            kept = optimizer.state_dict()
            optimizer = make()
            optimizer.load_state_dict(kept)
    optimizer.catch_up()
    return table.detach(), optimizer.state[table]
