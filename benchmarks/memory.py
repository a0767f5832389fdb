"""What one training step adds to a process's memory."""

import click

from tidegate.bench import options, session, tables
from tidegate.bench.cases import memory


@options.common("memory")
@click.option(
    "--samples",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Fresh processes for each cell, peer and kind of step.",
)
def main(chosen: session.Options, samples: int) -> None:
    """Measure what one training step adds to the resident memory of a fresh process.

    The layer alone on dense input (N 32, T 200, I 128, H 128), and the notebook's whole step. The
    peak of the resident set during the step, less what was resident before it; parameters, input
    and the optimiser's state are there before.
    """
    results = session.run(
        "memory",
        lambda workers: memory.measure(chosen.cells, chosen.threads, samples),
        chosen,
    )
    tables.show(results)


if __name__ == "__main__":
    main()
