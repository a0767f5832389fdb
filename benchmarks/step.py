"""One step at batch 1, called from Python."""

import click

from tidegate.bench import options, session, tables
from tidegate.bench.cases import step


@options.common("step", has_peers=True)
@click.option("--size", type=click.IntRange(min=1), default=128, show_default=True, help="I and H.")
def main(chosen: session.Options, size: int) -> None:
    """Time one step of a stream: one row, the state kept from call to call.

    tidegate's Stepper takes and gives NumPy arrays and needs no PyTorch; PyTorch's cell runs in
    inference mode; ONNX Runtime runs a model of one step, its state going in as it came out.
    """
    results = session.run("step", lambda workers: [step.case(chosen.cells, workers, size)], chosen)
    tables.show(results)


if __name__ == "__main__":
    main()
