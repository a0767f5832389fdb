"""``tidegate bench``: time tidegate against PyTorch."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.bench.options import cells_option, threads_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tidegate.bench.remote import Workers
    from tidegate.bench.runner import Case

EXAMPLES = """\b
Examples:
  tidegate bench
      the notebook's training step, one layer, one step at batch 1
  tidegate bench --cells gru,lstm --quick
      two cells, in some twenty seconds
  tidegate bench --threads 1 --json bench.json
      on one thread, with every sample kept
"""

BUDGET_S, QUICK_BUDGET_S = 60.0, 12.0
"""Time for the measurements of all cases together, in seconds, and the same with --quick. Starting,
checking results and the minimum number of rounds come on top."""


@click.command("bench", epilog=EXAMPLES)
@cells_option()
@threads_option()
@click.option("--quick", is_flag=True, help="Fewer rounds and wider intervals.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write everything that was measured to this file.",
)
def command(
    cells: tuple[str, ...], threads: int | None, quick: bool, json_path: Path | None
) -> None:
    """Time tidegate against PyTorch on this machine.

    PyTorch takes part twice, plain and with denormal numbers, which fading gradients become,
    flushed to zero. All compute the same in one run, turn by turn, on the same number of threads;
    a time counts only when outputs and gradients agree with PyTorch's in float64. Ratios above 1
    are in tidegate's favour. The scripts in the source tree's benchmarks/ measure more.
    """
    from tidegate.bench import session, tables
    from tidegate.bench.measure import Settings
    from tidegate.bench.remote import FLUSHED
    from tidegate.machine import available_cpus

    budget_s, num_cases = (QUICK_BUDGET_S if quick else BUDGET_S), 4
    options = session.Options(
        cells=cells,
        threads=threads or available_cpus(),
        settings=Settings(
            target_spread=0.02 if quick else 0.01,
            min_rounds=5 if quick else 7,
            budget_s=budget_s / num_cases,
        ),
        peers=(FLUSHED,),
        out=json_path,
    )
    results = session.run("bench", lambda workers: _cases(cells, workers), options)
    tables.show(results)


def _cases(cells: tuple[str, ...], workers: "Workers") -> "Iterator[Case]":
    from tidegate.bench import texts
    from tidegate.bench.cases import layer, notebook, step

    yield notebook.case(cells, texts.notebook_batches(64), workers)
    yield from layer.cases(cells, workers)
    yield step.case(cells, workers)
