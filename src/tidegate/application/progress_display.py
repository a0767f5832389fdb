"""What a run shows on stderr: its values, its data, and its progress."""

import shlex
import sys
from collections.abc import Mapping
from typing import assert_never

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tidegate.application import facts_lines, recipe_lines
from tidegate.cells import CELLS
from tidegate.runs.events import (
    DataPrepared,
    JobBegins,
    JobEnds,
    LinearBegins,
    LinearEnds,
    MemberBegins,
    PretrainingBegins,
    PretrainingEnds,
    RunBegins,
    RunEvent,
    RunStops,
    StudentBegins,
    TextsAreRead,
)
from tidegate.runs.results import BlendModel, Job, LinearModel, Metrics
from tidegate.task import METRICS
from tidegate.terminal import NO_TERMINAL_WIDTH
from tidegate.training.adapt import in_short
from tidegate.training.events import EpochBegins, Notice, TrainingBegins
from tidegate.training.history import Epoch, Step

MOST_LINES = 30
"""Epochs that have a line each; of more, one in two has, or in three, and so on."""
WIDE = 90
"""Columns that the line of an epoch needs whole; on fewer its speed is left out."""


class ProgressDisplay:
    """Shows a run at the terminal: progress bars, and a line per epoch.

    Where stderr is no terminal, there are no bars. Every event of a run is given to it.
    """

    def __init__(self) -> None:
        is_terminal = sys.stderr.isatty()
        self.console = Console(
            stderr=True, highlight=False, width=None if is_terminal else NO_TERMINAL_WIDTH
        )
        self.finished: list[Job] = []
        self.progress = self._progress()
        self.reading = Progress(
            BarColumn(), TimeRemainingColumn(), console=self.console, transient=True
        )

    def __call__(self, event: RunEvent) -> None:
        """Show an event."""
        match event:
            case TextsAreRead():
                self.texts_are_read(event)
            case RunBegins():
                self.run_begins(event)
            case DataPrepared():
                self.data_prepared(event)
            case PretrainingBegins():
                self.pretraining_begins(event)
            case PretrainingEnds():
                self.pretraining_ends(event)
            case LinearBegins():
                self.console.print(f"\n[bold]linear model[/]: {event.name}")
            case LinearEnds():
                self.linear_ends(event.linear)
            case JobBegins():
                self.job_begins(event)
            case StudentBegins():
                self.student_begins(event)
            case MemberBegins():
                self.member_begins(event)
            case TrainingBegins():
                self.num_made, self.num_tokens, self.training_ms = 0, 0, 0.0
            case EpochBegins():
                self.epoch_begins(event)
            case Step():
                self.step_ends(event)
            case Epoch():
                self.epoch_ends(event)
            case JobEnds():
                self.job_ends(event.job, event.blend)
            case RunStops():
                self.run_stops(event)
            case Notice():
                self.console.print(event.text, style="yellow", markup=False, soft_wrap=True)
            case _:
                assert_never(event)

    def starts(self) -> None:
        """Say that something happens, before what takes long is imported."""
        self.console.print("starting", style="dim")

    def texts_are_read(self, event: TextsAreRead) -> None:
        """Say which file is read and, at a terminal, how much of it was."""
        if event.done == 0:
            self.console.print(f"reading {event.path}", markup=False, soft_wrap=True)
        if event.done == 1:
            if self.reading.live.is_started:
                self.reading.stop()
        elif self.console.is_terminal:
            if not self.reading.tasks:
                self.reading.add_task("", total=1.0)
            self.reading.start()
            self.reading.update(self.reading.task_ids[0], completed=event.done)

    def run_begins(self, event: RunBegins) -> None:
        """Say what the run was told to do."""
        self.experiment, self.folder = event.config.experiment, event.folder
        self.num_jobs = len(self.experiment.cells) * len(self.experiment.seeds)
        self.verb = "train" if self.num_jobs == 1 else "compare"
        if event.config.only_pretrain:
            self.verb = "pretrain"
        recipe = self.experiment.recipe
        self.num_epochs = recipe.training.epochs
        lines = {
            "recipe": recipe_lines.in_short(recipe),
            "values": recipe_lines.in_full(recipe, event.config.kind),
        }
        if recipe.adapted:
            lines["adapted"] = Text(in_short(recipe.adapted))
        self._print(lines)

    def data_prepared(self, event: DataPrepared) -> None:
        """Say where the data comes from and what was done to it."""
        prepared = facts_lines.PREPARED[event.facts["kind"]]
        facts, limit = event.facts, self.experiment.limit
        if limit is not None and limit > event.num_given:
            self.console.print(
                f"--limit {limit:,}: there are only {event.num_given:,} training examples"
            )
        lines: dict[str, Text | str] = {
            "data": f"{facts['name']}, from {facts['source']}",
            **facts_lines.column_lines(facts),
            "task": facts_lines.task_line(event.task, facts["class_counts"]["training"]),
            **facts_lines.example_lines(facts, self.experiment.recipe),
            "threads": str(self.experiment.threads),
            "reading": f"{event.preparation_s:.1f} s, {prepared} included",
        }
        self._print(lines)
        for note in facts["notes"]:
            self.console.print(note, style="yellow", markup=False, soft_wrap=True)

    def _print(self, lines: Mapping[str, Text | str]) -> None:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(min_width=len("threads"))
        for name, text in lines.items():
            grid.add_row(Text(name, style="bold"), text)
        self.console.print(grid)

    def pretraining_begins(self, event: PretrainingBegins) -> None:
        """Say that a language model is trained, and on what; start its bars."""
        self.console.print(
            f"\n[bold]language model[/]: {CELLS[event.cell]}, seed {event.seed}, on {event.texts}; "
            "loss in nats a token"
        )
        self.num_epochs = self.experiment.recipe.pretraining.epochs
        self.progress = self._progress()
        self.progress.start()

    def pretraining_ends(self, event: PretrainingEnds) -> None:
        """Say where the language model is."""
        self.progress.stop()
        self.console.print(f"kept in {event.folder}", soft_wrap=True, markup=False)

    def job_begins(self, event: JobBegins) -> None:
        """Show the model and start its bars."""
        number = len(self.finished) + 1
        self.console.print(
            f"\n[bold]{CELLS[event.cell]}, seed {event.seed}[/] ({number} of {self.num_jobs})"
        )
        table = Table("layer", "output", box=None, pad_edge=False, header_style="dim")
        table.add_column("parameters", justify="right")
        for line in event.summary:
            table.add_row(line.layer, line.shape, f"{line.num_parameters:,}")
        ensemble = self.experiment.recipe.training.ensemble
        whole = "in all" if ensemble == 1 else f"in each of {ensemble} networks"
        table.add_row(
            f"[dim]{whole}", "", f"{sum(line.num_parameters for line in event.summary):,}"
        )
        self.console.print(table)
        self.console.print(f"[dim]recurrence computed by[/] {event.path}")
        self.num_epochs = self.experiment.recipe.training.epochs
        self.progress = self._progress()
        self.progress.start()

    def student_begins(self, event: StudentBegins) -> None:
        """Say that a second network is trained, and on what."""
        self.console.print(f"[bold]second network[/]: learns from {event.texts}")
        self.num_epochs = self.experiment.recipe.self_training.epochs

    def member_begins(self, event: MemberBegins) -> None:
        """Say which network of an ensemble is trained."""
        self.console.print(f"[bold]network {event.member} of {event.num_members}[/]")

    def linear_ends(self, linear: LinearModel) -> None:
        """Show its main metric, size and time."""
        self.console.print(
            f"validation {_main(linear.validation)}, test {_main(linear.metrics, 'bold')}, "
            f"{linear.num_parameters:,} parameters, {linear.wall_s:.1f} s"
        )

    def epoch_begins(self, event: EpochBegins) -> None:
        """Start the epoch's bar."""
        self.place, self.num_steps = event.num_done, event.num_steps
        self.num_left = event.num_steps * (self.num_epochs - event.epoch + 1) - event.num_done
        self.task = self.progress.add_task(
            f"epoch {event.epoch}/{self.num_epochs}",
            total=event.num_steps,
            completed=event.num_done,
            figures="",
        )

    def step_ends(self, step: Step) -> None:
        """Move the epoch's bar."""
        self.num_made += 1
        self.num_left -= 1
        self.place += 1
        self.num_tokens += step.num_tokens
        self.training_ms += step.ms
        left = _clock(self.num_left * self.training_ms / self.num_made / 1e3)
        self.progress.update(
            self.task,
            advance=1,
            figures=f"step {self.place}/{self.num_steps}  loss {step.mean_loss:.4f}  "
            f"{METRICS[step.metric].short} {step.mean_score:.4f}  {self._speed()}  left {left}",
        )

    def epoch_ends(self, epoch: Epoch) -> None:
        """Replace the epoch's bar with a line."""
        self.progress.remove_task(self.task)
        every = max(self.num_epochs // MOST_LINES, 1)
        if epoch.epoch % every and epoch.epoch < self.num_epochs:
            return
        name = f"epoch {epoch.epoch}/{self.num_epochs}"
        speed = f"  {self._speed()}" * (self.console.width >= WIDE)
        short = METRICS[epoch.metric].short
        self.console.print(
            f"{name}  {epoch.training_s:.0f} s{speed}  loss {epoch.loss:.4f}  {short} "
            f"{epoch.score:.4f}  val loss {epoch.validation_loss:.4f}  val {short} "
            f"{epoch.validation_score:.4f}"
        )

    def job_ends(self, job: Job, blend: BlendModel | None) -> None:
        """Show the test's outcome."""
        self.progress.stop()
        self.finished.append(job)
        self.console.print(
            f"test {_main(job.metrics, 'bold')}, test loss {job.metrics['loss']:.4f}, "
            f"{job.training_s:.0f} s of training"
        )
        if blend is not None:
            self.console.print(
                f"with the linear model {_main(blend.metrics, 'bold')} (the network's weight "
                f"{blend.blend.weights['network']:.2f})"
            )

    def run_stops(self, event: RunStops) -> None:
        """Say what an unfinished run leaves."""
        self.progress.stop()
        is_asked = isinstance(event.error, KeyboardInterrupt)
        self.console.print(
            f"\n[bold]Stopped by {(str(event.error) or 'Ctrl-C') if is_asked else 'an error'}[/]: "
            f"{len(self.finished)} of {self.num_jobs} trainings are finished"
        )
        for job in self.finished:
            self.console.print(f"  {CELLS[job.cell]}, seed {job.seed}: kept in {job.model}")
        if event.can_go_on:
            command = f"tidegate {self.verb} --resume {shlex.quote(str(self.folder))}"
            self.console.print(f"To go on: {command}", soft_wrap=True, markup=False)

    def _speed(self) -> str:
        """Tokens per second of the training steps that this process made."""
        return f"{self.num_tokens / self.training_ms:,.0f}k tok/s"

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[figures]}"),
            console=self.console,
            disable=not self.console.is_terminal,
            expand=True,
            refresh_per_second=4,
        )


def _main(metrics: Metrics, style: str = "not bold") -> str:
    """The main metric with its name: of those that are measured the first one in METRICS."""
    metric = next(metric for metric in METRICS.values() if metric.name in metrics)
    return f"{metric.text} [{style}]{metrics[metric.name]:.4f}[/]"


def _clock(seconds: float) -> str:
    """For example ``0:07``, ``12:34`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
