"""A grid of shapes, and a list of those where tidegate is not faster than PyTorch."""

from dataclasses import replace

import click

from tidegate.bench import options, session, tables
from tidegate.bench.cases import grid


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))


@options.common("grid", case_budget_s=2.0)
@click.option("--batches", type=options.Numbers(), default=_listed(grid.BATCHES), show_default=True)
@click.option("--steps", type=options.Numbers(), default=_listed(grid.STEPS), show_default=True)
@click.option(
    "--hidden-sizes", type=options.Numbers(), default=_listed(grid.HIDDEN_SIZES), show_default=True
)
@click.option(
    "--max-gflop",
    type=click.FloatRange(min=0),
    default=grid.MAX_GFLOP,
    show_default=True,
    help="Larger problems are left out.",
)
def main(
    chosen: session.Options,
    batches: tuple[int, ...],
    steps: tuple[int, ...],
    hidden_sizes: tuple[int, ...],
    max_gflop: float,
) -> None:
    """Time tidegate against PyTorch over cell, N, T, H (I = H), padded and ragged.

    Forward, and forward with backward. PyTorch reads a ragged batch packed, unsorted. The whole
    grid takes an hour or so; --cells, --batches, --steps and --hidden-sizes choose a part.
    """
    # Hundreds of cases: a sharper answer for one of them is a run of its own.
    settings = replace(chosen.settings, min_rounds=min(5, chosen.settings.max_rounds))
    results = session.run(
        "grid",
        lambda workers: grid.cases(
            chosen.cells,
            batches=batches,
            steps=steps,
            hidden_sizes=hidden_sizes,
            max_gflop=max_gflop,
        ),
        replace(chosen, settings=settings),
    )
    tables.show_grid(results, grid.slower(results))


if __name__ == "__main__":
    main()
