"""What a comparison shows while it runs: progress on stderr, the final table on stdout."""

import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from types import TracebackType
from typing import Any, Self

from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from tidegate.cells import CELLS
from tidegate.comparison.experiment import NOTEBOOK_FIGURES, Experiment
from tidegate.comparison.results import Job, LayerSummary, LinearModel, Results
from tidegate.training.history import Epoch

NO_TERMINAL_WIDTH = 200
"""Columns where nobody looks: a line of a log is not folded."""


class Screen:
    """Watches a comparison for the person at the terminal.

    Where stderr is no terminal, an epoch is one plain line at its end.
    """

    def __init__(self, experiment: Experiment, out: Path) -> None:
        self.experiment, self.out = experiment, out
        is_terminal = sys.stderr.isatty()
        self.console = Console(
            stderr=True, highlight=False, width=None if is_terminal else NO_TERMINAL_WIDTH
        )
        self.num_jobs = len(experiment.cells) * len(experiment.seeds)
        self.finished: list[Job] = []
        self.progress = self._progress()
        self.epoch = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def data(self, facts: Mapping[str, Any], num_given: int, preparation_s: float) -> None:
        """Say where the data comes from and what was done to it."""
        recipe, limit = self.experiment.recipe, self.experiment.limit
        num_train = facts["num_train"] + facts["num_validation"]
        if limit is not None and limit > num_given:
            self.console.print(f"--limit {limit:,}: there are only {num_given:,} training texts")
        unknown = {
            part: f"{facts[f'{part}_words_unknown'] / max(facts[f'{part}_words'], 1):.1%}"
            for part in ("training", "test")
        }
        lines = {
            "recipe": f"{recipe.name}: {recipe.epochs} epochs, batches of {recipe.batch_size}",
            "data": f"{facts['name']}, from {facts['source']}",
            "texts": (
                f"{num_train:,} for training ({facts['num_train']:,} train, the last "
                f"{facts['num_validation']:,} validate), {facts['num_test']:,} for the test"
            ),
            "words": (
                f"vocabulary of {facts['vocabulary_size']:,}, {facts['distinct_words']:,} distinct "
                f"words in the training texts; unknown are {unknown['training']} of their words "
                f"and {unknown['test']} of the test's"
            ),
            "cut": (
                f"{facts['training_texts_cut']:,} training and {facts['test_texts_cut']:,} test "
                f"texts, to their last {recipe.max_length} tokens"
            ),
            "threads": str(self.experiment.threads),
            "took": f"{preparation_s:.1f} s to read and number the texts",
        }
        grid = Table.grid(padding=(0, 2))
        for name, text in lines.items():
            grid.add_row(Text(name, style="bold"), Text(text))
        self.console.print(grid)

    def job_begins(self, cell: str, seed: int, path: str, summary: list[LayerSummary]) -> None:
        """Show the model and start its bars."""
        number = len(self.finished) + 1
        self.console.print(f"\n[bold]{CELLS[cell]}, seed {seed}[/] ({number} of {self.num_jobs})")
        table = Table("layer", "output", box=None, pad_edge=False, header_style="dim")
        table.add_column("parameters", justify="right")
        for line in summary:
            table.add_row(line.layer, line.shape, f"{line.num_parameters:,}")
        table.add_row("[dim]in all", "", f"{sum(line.num_parameters for line in summary):,}")
        self.console.print(table)
        self.console.print(f"[dim]recurrence computed by[/] {path}")
        self.progress = self._progress()
        self.progress.start()

    def linear_begins(self, name: str) -> None:
        """Say that the linear model is trained."""
        self.console.print(f"\n[bold]linear model[/]: {name}")

    def linear_ends(self, linear: LinearModel) -> None:
        """Show how it does."""
        self.console.print(
            f"validation accuracy {linear.validation_accuracy:.4f}, test accuracy "
            f"[bold]{linear.test.accuracy:.4f}[/], {linear.num_parameters:,} parameters, "
            f"{linear.wall_s:.1f} s"
        )

    def notice(self, text: str) -> None:
        """Say what the user should know."""
        self.console.print(text, style="yellow", markup=False)

    def epoch_begins(self, epoch: int, num_steps: int, done: int) -> None:
        """Start the epoch's bar."""
        name = f"epoch {epoch}/{self.experiment.recipe.epochs}"
        self.pace: deque[tuple[int, float]] = deque(maxlen=20)
        self.num_tokens, self.training_ms = 0, 0.0
        self.task = self.progress.add_task(name, total=num_steps, completed=done, figures="")

    def step_ends(
        self, step: int, loss: float, accuracy: float, num_tokens: int, step_ms: float
    ) -> None:
        """Move the epoch's bar."""
        self.pace.append((num_tokens, step_ms))
        self.num_tokens += num_tokens
        self.training_ms += step_ms
        tokens, ms = (sum(column) for column in zip(*self.pace, strict=True))
        figures = f"step {step}  {tokens / ms:,.0f}k tokens/s  loss {loss:.4f}  acc {accuracy:.4f}"
        self.progress.update(self.task, advance=1, figures=figures)

    def epoch_ends(self, epoch: Epoch) -> None:
        """Complete the epoch's line."""
        figures = (
            f"{epoch.step_ms:.0f} ms/step  {self.num_tokens / max(self.training_ms, 1e-9):,.0f}k "
            f"tokens/s  loss {epoch.loss:.4f}  acc {epoch.accuracy:.4f}"
            f"  val loss {epoch.validation_loss:.4f}  val acc {epoch.validation_accuracy:.4f}"
        )
        self.progress.update(self.task, figures=figures)
        if not self.console.is_terminal:
            of = self.experiment.recipe.epochs
            self.console.print(f"epoch {epoch.epoch}/{of}  {epoch.training_s:.0f} s  {figures}")

    def job_ends(self, job: Job) -> None:
        """Show the test's outcome."""
        self.progress.stop()
        self.finished.append(job)
        self.console.print(
            f"test accuracy [bold]{job.test.accuracy:.4f}[/], test loss {job.test.loss:.4f}, "
            f"{job.training_s:.0f} s of training"
        )
        if job.combined is not None and job.blend is not None:
            share = job.blend["weights"]["network"]
            self.console.print(
                f"with the linear model [bold]{job.combined.accuracy:.4f}[/] (the network's weight "
                f"{share:.2f})"
            )

    def stopped(self, by_user: bool) -> None:
        """Say what an unfinished comparison leaves."""
        self.console.print(
            f"\n[bold]{'Stopped by Ctrl-C' if by_user else 'Stopped by an error'}[/]: "
            f"{len(self.finished)} of {self.num_jobs} trainings are finished"
        )
        for job in self.finished:
            self.console.print(f"  {CELLS[job.cell]}, seed {job.seed}: kept in {job.model}")
        verb = "train" if self.num_jobs == 1 else "compare"
        self.console.print(
            f"To go on: tidegate {verb} --resume {self.out}", soft_wrap=True, markup=False
        )

    def table(self, results: Results) -> None:
        """Print the outcome, beside the notebook's own."""
        notebook = {figures["cell"]: figures for figures in NOTEBOOK_FIGURES}
        num_seeds = len(self.experiment.seeds)
        table = Table(
            title="Test results" + (f", mean of {num_seeds} seeds (range)" * (num_seeds > 1)),
            box=box.SIMPLE_HEAD,
            pad_edge=False,
        )
        table.add_column("cell", no_wrap=True)
        for name in (
            "parameters",
            "test\naccuracy",
            "test\nloss",
            "training\nseconds",
            "ms per\nstep",
            "notebook\naccuracy",
            "notebook\nloss",
        ):
            table.add_column(name, justify="right", no_wrap=True)
        for cell in self.experiment.cells:
            jobs = [job for job in results.jobs if job.cell == cell]
            accuracies = [job.test.accuracy for job in jobs]
            span = f"\n({min(accuracies):.4f} to {max(accuracies):.4f})" if len(jobs) > 1 else ""
            figures = notebook.get(cell)
            table.add_row(
                CELLS[cell],
                f"{jobs[0].num_parameters:,}",
                f"{fmean(accuracies):.4f}{span}",
                f"{fmean(job.test.loss for job in jobs):.4f}",
                f"{fmean(job.training_s for job in jobs):.0f}",
                f"{fmean(job.step_ms for job in jobs):.1f}",
                f"{figures['test_accuracy']:.4f}" if figures else "",
                f"{figures['test_loss']:.4f}" if figures else "",
            )
        Console(width=None if sys.stdout.isatty() else NO_TERMINAL_WIDTH).print(table)
        self.console.print(
            "The notebook's figures are of one seed, trained on 20,000 reviews and tested on the "
            "official 25,000."
        )

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            disable=not self.console.is_terminal,
            refresh_per_second=4,
        )
