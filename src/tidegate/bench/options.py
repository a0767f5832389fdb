"""The command lines of the scripts in ``benchmarks/`` and of ``python -m tidegate.bench``."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tidegate.cells import CELLS
from tidegate.errors import TidegateError
from tidegate.option_types import Names

F = TypeVar("F", bound=Callable[..., Any])

PEERS = {
    "tensorflow": "Keras on TensorFlow",
    "jax": "Keras on JAX",
    "onnxruntime": "ONNX Runtime",
    "pytorch-flushed": "PyTorch, denormals flushed",
}
"""Short names of the optional peers."""


class Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers from 1, with commas between."""

    name = "NUMBER,..."

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        """Split and read."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(number) for number in str(value).split(","))
        except ValueError:
            numbers = ()
        if not numbers or min(numbers) < 1:
            self.fail(f"expected whole numbers from 1, got {value!r}", param, ctx)
        return numbers


def cells_option(default: str = ",".join(CELLS)) -> Callable[[F], F]:
    """``--cells``."""
    return click.option(
        "--cells",
        type=Names([*CELLS], "cells"),
        default=default,
        show_default=True,
        help=f"What to measure, of {', '.join(CELLS)}.",
    )


def threads_option() -> Callable[[F], F]:
    """``--threads``."""
    return click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="Threads of every peer. [default: all processors]",
    )


def common(
    family: str, *, has_peers: bool = False, case_budget_s: float = 60.0
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of a function, with the options of every script as its first argument.

    Args:
        family: Names the results file.
        has_peers: Whether the optional peers can take part.
        case_budget_s: Seconds a case may take where the user does not say.
    """

    def decorate(function: Callable[..., None]) -> click.Command:
        @functools.wraps(function)
        def command(
            *,
            cells: tuple[str, ...],
            threads: int | None,
            budget: float,
            spread: float,
            max_rounds: int,
            out: Path,
            peers: tuple[str, ...] = (),
            peer_python: Path | None = None,
            **others: Any,
        ) -> None:
            from tidegate.bench.measure import Settings
            from tidegate.bench.session import Options
            from tidegate.machine import available_cpus

            settings = Settings(
                target_spread=spread,
                max_rounds=max_rounds,
                min_rounds=min(Settings.min_rounds, max_rounds),
                budget_s=budget,
            )
            options = Options(
                cells=cells,
                threads=threads or available_cpus(),
                settings=settings,
                peers=tuple(PEERS[peer] for peer in peers),
                peer_python=str(peer_python) if peer_python else None,
                out=out,
            )
            try:
                function(options, **others)
            except TidegateError as error:
                raise click.ClickException(str(error)) from error

        for option in reversed(
            _common(family, case_budget_s) + (_for_peers() if has_peers else [])
        ):
            command = option(command)
        return click.command(context_settings={"help_option_names": ["-h", "--help"]})(command)

    return decorate


def _common(family: str, case_budget_s: float) -> list[Callable[[Any], Any]]:
    return [
        cells_option(),
        threads_option(),
        click.option(
            "--budget",
            type=click.FloatRange(min=0),
            default=case_budget_s,
            show_default=True,
            help="Seconds a case may take before it stops with the spread it has.",
        ),
        click.option(
            "--spread",
            type=click.FloatRange(min=0),
            default=0.01,
            show_default=True,
            help="A case ends when all medians have a standard error below this share.",
        ),
        click.option(
            "--max-rounds",
            type=click.IntRange(min=1),
            default=200,
            show_default=True,
            help="Most times that a case is measured.",
        ),
        click.option(
            "--out",
            type=click.Path(path_type=Path, dir_okay=False),
            default=Path("benchmarks", "results", f"{family}.json"),
            show_default=True,
            help="Where the results are written.",
        ),
    ]


def _for_peers() -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "--peers",
            type=Names([*PEERS], "peers", may_be_none=True),
            default=",".join(PEERS),
            show_default=True,
            help="Optional peers besides plain PyTorch; '' for none.",
        ),
        click.option(
            "--peer-python",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Interpreter of an environment that has the optional peers.",
        ),
    ]
