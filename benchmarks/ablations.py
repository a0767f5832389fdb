"""What each ingredient of the recipe `default` adds: the recipe without it, seed by seed."""

from pathlib import Path

import click

from trainings import Group, table

VARIANTS = {
    "default": [],
    "without the language model": ["pretraining.epochs=0"],
    "without pairs of words": ["bigram_vocabulary_size=0"],
    "without the adversarial pass": ["adversarial_norm=0"],
    "without dropout": ["dropout.word=0", "dropout.input=0", "dropout.head=0"],
    "the last states instead of mean and maximum": ["pooling=last"],
    "one direction of 128 units": ["bidirectional=false", "hidden_size=128"],
}


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--cell", default="gru", show_default=True)
@click.option("--at-once", default=1, show_default=True, help="Trainings side by side.")
@click.option("--json", "out", type=click.Path(path_type=Path), default=Path("ablations.json"))
def main(seeds: int, cell: str, at_once: int, out: Path) -> None:
    """Train the recipe `default` without one ingredient after the other, and print a table.

    The network alone, on the 5,000 reviews held out of the packaged 25,000; differences are of the
    same seeds. Seconds are of whole processes.
    """
    groups = []
    for name, settings in VARIANTS.items():
        options = ["--recipe", "default", "--set", "linear_model.order=0"]
        for setting in settings:
            options += ["--set", setting]
        groups.append(Group(name, cell, options))
    table("ablations", groups, range(seeds), out, at_once)


if __name__ == "__main__":
    main()
