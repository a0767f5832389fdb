"""Sequences of unequal length, with the lengths of reviews."""

import click

from tidegate.bench import options, session, tables, texts
from tidegate.bench.cases import ragged


@options.common("ragged")
@click.option("--batch", type=click.IntRange(min=1), default=ragged.BATCH, show_default=True)
@click.option(
    "--longest",
    type=click.IntRange(min=1),
    default=ragged.LONGEST,
    show_default=True,
    help="Longer reviews are cut to so many words.",
)
def main(chosen: session.Options, batch: int, longest: int) -> None:
    """Time forward and backward on a ragged batch, four ways.

    tidegate with lengths, PyTorch packed (unsorted), PyTorch padded and tidegate padded; the padded
    ones read the padding as data. Two shapes: bidirectional I 100 H 64, one direction I 128 H 128.
    """
    lengths, source = texts.review_lengths(batch, longest)
    results = session.run(
        "ragged", lambda workers: ragged.cases(chosen.cells, lengths, source), chosen
    )
    tables.show(results)


if __name__ == "__main__":
    main()
