"""Adam on the engine, for dense parameters and for the rows of embedding tables."""

import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from tidegate import engine
from tidegate.optim._fit import MOMENTS, Fit
from tidegate.optim._table import Numbers, Table
from tidegate.optim._tensors import (
    DTYPES,
    check,
    check_writable,
    rows_of,
)
from tidegate.tensors import check_memory

_Part = tuple[Tensor, dict[str, Any], dict[str, Any], tuple[int, ...], Tensor, Tensor]
"""A parameter with a dense gradient in one step: the parameter, its group and state, and what
``Fit.dense_step`` returns. A tuple, for making a class costs a microsecond a step."""


class Adam(torch.optim.Optimizer):
    """Adam with decoupled weight decay: ``torch.optim.Adam``, or ``AdamW`` with a decay.

        p = p - lr weight_decay p
        m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
        p = p - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)

    float32 and float64. The number of threads changes no bit. Groups may have their own ``lr``,
    ``betas``, ``eps`` and ``weight_decay``, all of which may change from step to step.

    **Tables.** A parameter whose gradient is a sparse tensor of rows (``nn.Embedding`` with
    ``sparse=True``) is a table, and its rule is "dense, caught up": every row ends with the very
    bits that a dense gradient, 0 for the rows that did not occur, would have given it. But the
    steps in which a row did not occur are made only when it is read again, so whoever reads rows
    has to say so before::

        optimizer.catch_up(table, ids)   # before the forward that reads them
        ...forward, backward...
        optimizer.step()                 # refuses rows that were not caught up
        optimizer.catch_up()             # all: before evaluation, saving, reading the table

    Numbers below the smallest normal one count as 0 in parameter, moments and gradient, for dense
    parameters as for tables. A step made up for is computed like any other; the change of p alone
    is left out where it provably rounds away: m is 0, or over the next steps, up to 32, the
    greatest rate times abs(m) over the least sqrt(v) + eps stays below a quarter of p's last place.
    A row whose moments are 0 costs nothing, unless there is weight decay.

    With ``lazy`` the steps in which a row does not occur are not made for it at all, as
    ``torch.optim.SparseAdam`` has it: its moments wait. A rare row then moves by one step where the
    dense rule moves it by ten, while its momentum fades, so rare words overfit less.
    ``catch_up`` must be called all the same.

    ``state_dict`` holds plain numbers and the moments, and wants all tables caught up. That of
    torch's own Adam is read as well.

    Args:
        params: Parameters or groups of them, on the CPU. Those that are not contiguous are copied
            there and back in each step; a table must be contiguous.
        lr: Step size, at least 0.
        betas: Decays of the moments, from 0 to below 1.
        eps: Above 0.
        weight_decay: At least 0; each step takes away lr * weight_decay of a parameter.
        lazy: The rule for tables.

    Raises:
        ValueError: An argument out of its range, a parameter that does not fit.
    Source: Kingma and Ba 2015, arXiv:1412.6980; Loshchilov and Hutter 2019, arXiv:1711.05101.
    """

    _may_repeat = False
    """Whether a row of a table may have several gradients in a step, see ``Table``."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        lazy: bool = False,
    ) -> None:
        self._tables: dict[Tensor, Table] = {}
        self._fits: dict[int, Fit] = {}  # by the parameter's id, which is quicker than its hash
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        defaults["lazy"] = lazy
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; see the class for what is refused."""
        _add_param_group(self, param_group)
        group = self.param_groups[-1]
        try:
            _refuse_variants("Adam", group)
            _check_options(group)
            for param in group["params"]:
                check("Adam", "parameters", param)
                check_writable("Adam", param)
        except (RuntimeError, ValueError):
            self.param_groups.pop()
            raise

    def zero_grad(self, set_to_none: bool = True) -> None:
        """As ``torch.optim.Optimizer``'s."""
        if not set_to_none:
            super().zero_grad(set_to_none)
            return
        for group in self.param_groups:
            for param in group["params"]:
                param.grad = None

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make a step of every parameter that has a gradient.

        Returns:
            What the closure, which is called before, returns.

        Raises:
            RuntimeError: A gradient or a moment that does not fit its parameter, or rows of a table
                that were not caught up; nothing is changed.
            ValueError: A gradient the engine does not compute in, an option out of its range;
                likewise.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        # Whatever may be refused is refused before anything moves.
        where = f"{type(self).__name__}.step"
        whole, by_rows = [], []
        for group in self.param_groups:
            _check_options(group)
            for param in group["params"]:
                gradient: Tensor | None = param.grad
                if gradient is None:
                    continue
                if gradient.layout is torch.strided:
                    whole.append(self._checked_dense(where, param, gradient, group))
                else:
                    rows = self._checked_rows(where, param, gradient, group["lazy"])
                    by_rows.append((param, group, *rows))
        self._step_whole(whole)
        for param, group, table, ids, row_gradients in by_rows:
            state = self.state[param]
            state["step"] += 1
            table.make_step(ids, row_gradients, self._numbers(group, state["step"]))
        for moved in [part[0] for part in whole] + [part[0] for part in by_rows]:
            increment_version(moved)
        return loss

    def catch_up(self, table: Tensor | None = None, ids: Tensor | None = None) -> None:
        """Make the steps that rows of tables missed.

        Args:
            table: The parameter; all tables without it.
            ids: The rows, int64 (K,), in any order; all rows without it.

        Raises:
            IndexError: An id outside the table.
            RuntimeError: A table whose moments do not fit it any more.
            TypeError: Ids of another dtype or device, or without a table.
        """
        if table is None:
            if ids is not None:
                raise TypeError("Adam.catch_up: expected a table beside ids, got none")
            for param in self._tables:
                self.catch_up(param)
            return
        if ids is not None:
            if ids.dtype is not torch.int64 or not ids.is_cpu:
                raise TypeError(
                    f"Adam.catch_up: expected ids of int64 on the CPU, got {ids.dtype} on "
                    f"{ids.device}"
                )
            check_memory("Adam.catch_up", "ids", ids)
        if table in self._tables:
            self._tables[table].catch_up(None if ids is None else ids.contiguous())
            increment_version(table)

    def state_dict(self) -> dict[str, Any]:
        """As ``torch.optim.Adam``'s.

        Raises:
            RuntimeError: Rows of a table are behind; ``catch_up()`` comes first, for the tables
                themselves change with it.
        """
        self._check_caught_up("state_dict")
        state: dict[str, Any] = _state_dict(self)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what ``state_dict`` of this class or of torch's Adam gave.

        Raises:
            ValueError: Groups that do not fit, a state of another kind of optimiser, or options
                of torch's Adam that this one has not (``amsgrad``, ``maximize``). Moments that do
                not fit their parameters are refused by the next step, as torch's are.
        """
        for group in state_dict["param_groups"]:
            _refuse_variants("Adam.load_state_dict", group)
        for state in state_dict["state"].values():
            if not {"step", *MOMENTS} <= state.keys():
                raise ValueError(
                    f"Adam.load_state_dict: expected step, {' and '.join(MOMENTS)} of each "
                    f"parameter, got {', '.join(map(str, state))}"
                )
        _load_state_dict(self, state_dict)
        self._tables.clear()
        self._fits.clear()
        for param, state in self.state.items():
            state["step"] = int(state["step"])
            for name in MOMENTS:
                state[name] = state[name].to(param.dtype).contiguous()

    def __getstate__(self) -> dict[str, Any]:
        self._check_caught_up("pickle and copy")
        return super().__getstate__()

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._tables, self._fits = {}, {}

    def _numbers(self, group: dict[str, Any], step: int) -> Numbers:
        """The coefficients of a step for the engine, in double as torch computes them."""
        lr, (beta1, beta2) = float(group["lr"]), group["betas"]
        return np.array(
            (
                1 - lr * group["weight_decay"],
                lr / (1 - beta1**step),
                1 / math.sqrt(1 - beta2**step),
                1 - beta1,
                beta2,
                1 - beta2,
                group["eps"],
            )
        )

    def _fit_of(self, where: str, param: Tensor) -> Fit:
        """The checks of a parameter and its state; a new state has moments of 0."""
        state: dict[str, Any] = self.state[param]
        fit = self._fits.get(id(param))
        if fit is not None and fit.state is state:
            return fit
        if not state:
            check(where, "parameters", param)
            state["step"] = 0
            for name in MOMENTS:
                state[name] = torch.zeros_like(param, memory_format=torch.contiguous_format)
        fit = self._fits[id(param)] = Fit(where, param, state)
        return fit

    def _checked_dense(
        self, where: str, param: Tensor, gradient: Tensor, group: dict[str, Any]
    ) -> _Part:
        """Check a dense gradient, which for a table is one of all its rows."""
        if self._tables and param in self._tables and not self._tables[param].is_caught_up():
            raise RuntimeError(
                f"{where}: expected every row caught up before a dense gradient of a table of "
                f"shape {tuple(param.shape)}, got rows that are behind; call catch_up(table) "
                "before the forward"
            )
        fit = self._fit_of(where, param)
        return param, group, fit.state, *fit.dense_step(gradient)

    def _step_whole(self, parts: list[_Part]) -> None:
        """A step of parameters with dense gradients, in one call a dtype."""
        calls: dict[torch.dtype, tuple[list[tuple[int, ...]], list[Numbers]]] = {}
        known: dict[tuple[int, int], Numbers] = {}  # most parameters are of one group and step
        for param, group, state, row, values, _ in parts:
            state["step"] += 1
            key = id(group), state["step"]
            if key not in known:
                known[key] = self._numbers(group, state["step"])
            if self._tables and param in self._tables:
                self._tables[param].skip_step()
            rows, numbers = calls.setdefault(values.dtype, ([], []))
            rows.append(row)
            numbers.append(known[key])
        for dtype, (rows, numbers) in calls.items():
            engine.adam_dense(DTYPES[dtype], np.array(rows, np.int64), np.array(numbers))
        for param, _, _, _, values, _ in parts:
            if values is not param:
                param.detach().copy_(values)

    def _checked_rows(
        self, where: str, param: Tensor, gradient: Tensor, is_lazy: bool
    ) -> tuple[Table, Tensor, Tensor]:
        """Check a sparse gradient; gives its table, and the ids and rows of a step."""
        check(where, "gradients", gradient, may_be_sparse=True)
        if gradient.shape != param.shape or gradient.dtype is not param.dtype:
            raise RuntimeError(
                f"{where}: expected a sparse gradient of its parameter's shape "
                f"{tuple(param.shape)} and {param.dtype}, got {tuple(gradient.shape)} and "
                f"{gradient.dtype}"
            )
        ids, rows = rows_of(gradient)
        table = self._table_of(where, param, is_lazy)
        try:
            try:
                table.check_rows(ids)
            except ValueError:  # perhaps of a row that stands twice
                if self._may_repeat:
                    raise
                ids, rows = rows_of(gradient.coalesce())
                table.check_rows(ids)
        except ValueError as error:
            raise RuntimeError(
                f"{where}: {error}, in a table of shape {tuple(param.shape)}; "
                "call catch_up(table, ids) before the forward that reads rows"
            ) from None
        return table, ids, rows

    def _table_of(self, where: str, param: Tensor, is_lazy: bool) -> Table:
        """The table of a parameter, made anew where it has grown or has another state."""
        fit = self._fit_of(where, param)
        table = self._tables.get(param)
        if (
            table is not None
            and table.fit is fit
            and not (table.has_other_rows() and table.is_caught_up())
        ):
            return table
        made = Table(fit, fit.state["step"], is_lazy=is_lazy, may_repeat=self._may_repeat)
        self._tables[param] = made
        return made

    def _check_caught_up(self, what: str) -> None:
        if not all(table.is_caught_up() for table in self._tables.values()):
            raise RuntimeError(
                f"{type(self).__name__}: expected all tables caught up for {what}, got rows "
                "that are behind; call catch_up() before, and before the model is saved"
            )


# Without their wrapper, which imports PyTorch's compiler; that takes a second.
_add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
_state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
_load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)


def _refuse_variants(where: str, group: dict[str, Any]) -> None:
    """Refuse a group that asks for a variant of Adam that is not computed here.

    Raises:
        ValueError: Which option, and what to do.
    """
    for name in ("amsgrad", "maximize"):
        if group.get(name):
            raise ValueError(
                f"{where}: expected {name} of False, the only one supported, got {group[name]!r}; "
                f"go on with torch.optim.Adam, or set {name} to False in every group, with which "
                "later steps are plain Adam's"
            )


def _check_options(group: dict[str, Any]) -> None:
    lr, eps, decay = float(group["lr"]), group["eps"], group["weight_decay"]
    for name, value in (("lr", lr), ("weight_decay", decay)):
        if not 0 <= value < math.inf:
            raise ValueError(f"Adam: expected {name} of at least 0 and finite, got {value}")
    # As float32 it must be above 0, for m / (sqrt(v) + eps) of a row that never occurred.
    if not 1e-37 <= eps < math.inf:
        raise ValueError(f"Adam: expected eps of at least 1e-37 and finite, got {eps}")
    betas = group["betas"]
    if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"Adam: expected betas of two numbers from 0 to below 1, got {betas}")
