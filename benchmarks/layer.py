"""One recurrent layer alone on dense input."""

import click

from tidegate.bench import options, session, tables
from tidegate.bench.cases import layer

SIZE = click.IntRange(min=1)


@options.common("layer", has_peers=True)
@click.option("--batch", type=SIZE, default=32, show_default=True, help="Rows, N.")
@click.option("--steps", type=SIZE, default=200, show_default=True, help="Steps, T.")
@click.option("--input-size", type=SIZE, default=128, show_default=True, help="Features, I.")
@click.option("--hidden-size", type=SIZE, default=128, show_default=True, help="Units, H.")
def main(chosen: session.Options, **shape: int) -> None:
    """Time one layer, forward (inference) and forward with backward.

    Backward gives the gradients of input, weights and biases. The share of the peak is the work of
    the equations' matrix products over the time, by the machine's multiply-adds on registers.
    """
    results = session.run(
        "layer", lambda workers: layer.cases(chosen.cells, workers, **shape), chosen
    )
    tables.show(results)


if __name__ == "__main__":
    main()
