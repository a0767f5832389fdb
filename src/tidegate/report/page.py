"""The report of a comparison: one HTML file that needs nothing beside itself."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tidegate.evaluation import bootstrap
from tidegate.evaluation.forecasts import nominal_coverage
from tidegate.report import figures, metrics, outcome, pictures, prose
from tidegate.report.classes import class_reports
from tidegate.report.forecast import forecast_picture, forecast_reports
from tidegate.report.regression import regression_reports
from tidegate.report.subjects import baseline_subjects, subjects
from tidegate.report.summary import Cell, summarize
from tidegate.runs.results import Results, load
from tidegate.storage.atomic import write_text
from tidegate.storage.os_errors import as_run_folder_error
from tidegate.training.adapt import in_short

FILE_NAME = "report.html"

_DATA_LABELS = {
    "name": "Name",
    "source": "Source",
    "description": "Description",
    "num_train": "Training examples",
    "num_validation": "Validation examples",
    "num_test": "Test examples",
    "vocabulary_size": "Vocabulary size",
    "distinct_words": "Distinct tokens",
    "training_words": "Training tokens",
    "training_words_unknown": "Training tokens outside the vocabulary",
    "training_texts_empty": "Training texts without tokens",
    "training_texts_cut": "Training texts cut",
    "channels": "Channels",
    "numbers_a_step": "Numbers at every step",
    "num_series": "Series",
    "num_origins": "Points in time of the back-test",
    "horizon": "Steps that are forecast",
    "season_length": "Steps of a season",
    "shortest": "Steps of the shortest series",
    "longest": "Steps of the longest series",
    "training_steps": "Training steps",
    "training_shortest": "Steps of the shortest training series",
    "training_longest": "Steps of the longest training series",
    "training_missing": "Missing training values",
    "training_sha256": "Training SHA-256",
    "test_words": "Test tokens",
    "test_words_unknown": "Test tokens outside the vocabulary",
    "test_texts_empty": "Test texts without tokens",
    "test_texts_cut": "Test texts cut",
    "test_steps": "Test steps",
    "test_shortest": "Steps of the shortest test series",
    "test_longest": "Steps of the longest test series",
    "test_missing": "Missing test values",
    "test_sha256": "Test SHA-256",
}


def write(run_folder: Path) -> Path:
    """Write ``report.html`` into a run folder, from the ``results.json`` in it.

    Returns:
        The path of the page.
    Raises:
        RunFolderError: The system refuses to write it.
        FormatError: The results are missing, or not in the form this version reads.
    """
    path = run_folder / FILE_NAME
    results = load(run_folder)
    with as_run_folder_error(f"report {path}: expected to write it"):
        write_text(path, render(results))
    return path


def render(results: Results) -> str:
    """The page as text; equal results give equal text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": prose.percent,
        "tenths": prose.tenths,
        "rounded": prose.rounded,
        "plain": prose.plain,
        "answer": prose.answer,
    }
    cells = summarize(results)
    finished = [cell for cell in cells if cell.jobs]
    shown = subjects(finished, results)
    forecast_shown = [*shown, *baseline_subjects(results)]
    return environment.get_template("page.html.j2").render(
        title=prose.title(cells),
        headline=outcome.headline(cells, results),
        findings=[*prose.findings(cells, results), *outcome.findings(cells, results)],
        notice=prose.notice(cells, results),
        results=results,
        configuration={
            **results.configuration,
            "changed": prose.changes(results.configuration),
            "adapted": in_short(results.configuration.get("adapted", {})) or "nothing",
        },
        cells=cells,
        finished=finished,
        has_seeds=any(len(cell.jobs) > 1 for cell in finished),
        has_single_seed=any(len(cell.jobs) == 1 for cell in finished),
        has_lines=any(len(job.history) > 1 for job in results.jobs),
        metric=results.task.main_metric,
        value=prose.value,
        metric_columns=metrics.columns(results),
        metric_rows=metrics.rows(finished, results, with_intervals=True),
        num_resamples=bootstrap.NUM_RESAMPLES,
        class_reports=[
            (report, pictures.confusion_picture(report, f"confusion-{number}"))
            for number, report in enumerate(class_reports(shown, results))
        ],
        regression_reports=[
            (report, pictures.regression_picture(report, f"regression-{number}"))
            for number, report in enumerate(regression_reports(shown, results))
        ],
        forecast_reports=[
            (report, forecast_picture(report, f"forecast-{number}", results.task.horizon))
            for number, report in enumerate(forecast_reports(forecast_shown, results))
        ],
        nominal=nominal_coverage(results.task.quantiles) if results.task.quantiles else None,
        outcomes=pictures.OUTCOMES,
        has_combined=any(cell.combined for cell in finished),
        weights=prose.weights(finished),
        reference=_reference(cells, results),
        reference_note=prose.reference_note(results),
        curves=figures.learning_curves(finished) if finished else [],
        drawn_width=round(figures.curves_width(len(finished))),
        dots=figures.score_dots(finished, results.linear) if finished else "",
        data_labels=_DATA_LABELS,
        num_threads=_num_threads(results),
        pretrains=any(job.pretraining_s for job in results.jobs),
    )


def _reference(cells: Sequence[Cell], results: Results) -> str | None:
    """The name of the published results beside these; None where no cell has one."""
    if not any(cell.reference for cell in cells):
        return None
    name: str = results.configuration["reference"]["name"]
    return name


def _num_threads(results: Results) -> str:
    """The threads of the run in words."""
    count = results.configuration.get("threads") or results.environment.get("threads")
    return "threads unknown" if count is None else f"{count} thread" + "s" * (count != 1)
