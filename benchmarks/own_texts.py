"""How well the recipe `default` does on small sets, beside TF-IDF and logistic regression."""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

import folds
from folds import FoldResult, Problem
from tidegate import machine


@click.command()
@click.argument("name", type=click.Choice([*folds.PROBLEMS]))
@click.option("--folds", "num_folds", default=5, show_default=True, help="Of the folds, the first.")
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option(
    "--init-from",
    type=click.Path(path_type=Path, exists=True),
    help="A language model of `tidegate pretrain`: rows of networks that begin with it.",
)
@click.option("--set", "settings", multiple=True, help="As of `tidegate train`, to try a value.")
@click.option(
    "--inner",
    is_flag=True,
    help="Cut each fold's training part once more and test there: to choose values by.",
)
@click.option("--json", "out", type=click.Path(path_type=Path), default=None)
def main(
    name: str,
    num_folds: int,
    seed: int,
    threads: int,
    init_from: Path | None,
    settings: Sequence[str],
    inner: bool,
    out: Path | None,
) -> None:
    """Train and test NAME fold by fold, and print a table.

    snippets: 8,530 sentences from reviews of films, two classes. surnames: surnames of 27
    languages, read by characters. Five stratified folds, equal texts in one of them. The
    baseline's values are chosen in each training part anew; those of `default` follow from its
    rule. What the JSON file has already is not done again.
    """
    problem = folds.PROBLEMS[name]()
    out = out or Path(f"own-texts-{name}.json")
    options = {
        "seed": seed,
        "settings": [*settings],
        "init_from": None if init_from is None else str(init_from),
        "inner": inner,
    }
    known = _read(out, name, options)
    with tempfile.TemporaryDirectory(prefix="tidegate-own-texts-") as folder:
        for number in range(len(known), num_folds):
            known.append(
                folds.measure(
                    problem,
                    number,
                    Path(folder) / f"fold{number}",
                    seed=seed,
                    threads=threads,
                    settings=settings,
                    init_from=init_from,
                    inner=inner,
                )
            )
            _save(out, name, options, known)
    _table(problem, known[:num_folds])


def _read(path: Path, name: str, options: dict[str, object]) -> list[FoldResult]:
    """The folds that were measured with these options before."""
    if not path.exists():
        return []
    content = json.loads(path.read_text())
    if (content["problem"], content["options"]) != (name, options):
        raise click.ClickException(
            f"{path}: expected folds of {name} with {options}, got {content['problem']} with "
            f"{content['options']}; name another file by --json"
        )
    return [FoldResult(**fold) for fold in content["folds"]]


def _save(path: Path, name: str, options: dict[str, object], known: Sequence[FoldResult]) -> None:
    content = {
        "benchmark": "own_texts",
        "problem": name,
        "options": options,
        "environment": machine.describe(),
        "folds": [asdict(fold) for fold in known],
    }
    path.write_text(json.dumps(content, indent=1) + "\n")


def _table(problem: Problem, known: Sequence[FoldResult]) -> None:
    """Print the mean over the folds of each model, and every fold."""
    click.echo(f"\n| {problem.metric.replace('_', ' ')}, % | mean | folds |\n|---|---|---|")
    for model in known[0].scores:
        scores = [100 * fold.scores[model] for fold in known]
        mean, each = sum(scores) / len(scores), ", ".join(f"{score:.1f}" for score in scores)
        click.echo(f"| {model} | {mean:.2f} | {each} |")


if __name__ == "__main__":
    main()
