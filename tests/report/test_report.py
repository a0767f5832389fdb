"""The report page: its numbers, its words, its charts, and that it needs nothing beside itself."""

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib
import pytest

from report_samples import CONDITIONS, REFERENCE, Page, make_results
from tidegate.cells import CELLS
from tidegate.errors import FormatError
from tidegate.evaluation import bootstrap
from tidegate.evaluation.intervals import wilson_interval
from tidegate.report import page, prose
from tidegate.report.summary import summarize
from tidegate.runs.results import MajorityModel, Results
from tidegate.task import Task

pytestmark = pytest.mark.usefixtures("few_resamples")

ALL_CELLS = tuple(CELLS)
HOSTILE = """<script>alert("1 & 2")</script>' $x_1$"""


def written(results: Results, folder: Path) -> str:
    results.save(folder)
    path = page.write(folder)
    assert path == folder / "report.html"
    return path.read_text(encoding="utf-8")


def read(results: Results) -> Page:
    return Page(page.render(results))


def headline(results: Results) -> str:
    return prose.headline(summarize(results), results)


def num_points(text: str, gid: str) -> int:
    """The corners of the line drawn in the group ``gid``."""
    found = re.search(rf'<g id="{gid}">\s*<path d="([^"]*)"', text)
    assert found, f"no line {gid}"
    return len(re.findall("[ML]", found.group(1)))


# --- numbers ---


def test_table_holds_the_results(tmp_path: Path) -> None:
    results = make_results(ALL_CELLS, reference=REFERENCE)
    seen = Page(written(results, tmp_path))
    assert seen.results == [
        ["Model", "Parameters", "Test accuracy", "Notebook's accuracy", "Test loss"],
        ["simple RNN (tanh)", "1,313,153", "75.00 %", "74.97 %", "0.500"],
        ["LSTM", "1,412,225", "85.00 %", "85.18 %", "0.400"],
        ["GRU (reset after)", "1,379,201", "86.00 %", "86.08 %", "0.390"],
        ["GRU (reset before)", "1,379,201", "86.50 %", "\N{EN DASH}", "0.385"],
    ]
    assert seen.times[1:] == [
        ["simple RNN (tanh)", "6.25", "8.75", "640,000", "10.0", "2.50"],
        ["LSTM", "25.0", "27.5", "160,000", "40.0", "10.0"],
        ["GRU (reset after)", "17.5", "20.0", "228,571", "28.0", "7.00"],
        ["GRU (reset before)", "20.0", "22.5", "200,000", "32.0", "8.00"],
    ]


def test_table_gives_mean_and_range_over_seeds() -> None:
    seen = read(make_results(("gru",), (0, 1, 2), seed_step=0.01))
    header, row = seen.results
    assert "Notebook's accuracy" not in header
    assert row[0] == "GRU (reset after) 3 seeds"
    assert row[2] == "87.00 % 86.00 % to 88.00 %"
    assert row[3] == "0.380 0.370 to 0.390"
    assert seen.times[1][4] == "29.0"


def test_notes_say_whose_times_and_which_test_part() -> None:
    other = read(make_results(reference=REFERENCE, num_test=1000)).text
    assert "Sample CPU 9000 @ 1.23GHz, 3 threads" in other
    assert f"The notebook's figures are {CONDITIONS}; the test part here is another one" in other
    assert "another one, of 1,000 examples, so the two can only be compared roughly." in other
    same = read(make_results(reference=REFERENCE, num_test=25_000)).text
    assert f"The notebook's figures are {CONDITIONS}." in same
    assert "another one" not in same
    assert "notebook's figures" not in read(make_results()).text


def test_models_data_and_conditions_are_shown() -> None:
    seen = read(make_results(("lstm",), (3, 4)))
    assert seen.tables["Layers of LSTM"] == [
        ["Layer", "Output shape", "Parameters"],
        ["embedding (Embedding)", "(batch, 200, 128)", "1,280,000"],
        ["encoder (lstm)", "(batch, 128)", "132,096"],
        ["head (Linear)", "(batch, 1)", "129"],
        ["In all", "1,412,225"],
    ]
    assert "Computed by sample path of lstm" in seen.text
    data = dict(seen.tables["The data"])
    assert data["Distinct tokens"] == "54,321"
    assert data["Source"] == "https://example.org/sample"
    assert data["some_new_count"] == "7,654,321"
    configuration = dict(seen.tables["The configuration"])
    assert configuration["seeds"] == "3, 4"
    assert configuration["vocabulary_size"] == "10000"
    assert configuration["limit"] == "none"
    assert dict(seen.tables["The environment"])["torch"] == "9.9.9"


@pytest.mark.parametrize(
    ("num_right", "num_examples", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_is_the_published_one(
    num_right: int, num_examples: int, low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    found = wilson_interval(num_right / num_examples, num_examples)
    assert found == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_stays_between_0_and_1() -> None:
    assert wilson_interval(1.0, 20) == pytest.approx((1 - 0.1611, 1), abs=5e-5)
    assert wilson_interval(0.5, 0) == (0, 1)


# --- words ---


def test_one_seed_is_judged_by_the_number_of_test_examples() -> None:
    few, many = make_results(num_test=1000), make_results(num_test=25_000)
    assert headline(few) == "No clear winner between GRU (reset after) and LSTM"
    assert headline(many) == (
        "With one seed each, GRU (reset after) is ahead of LSTM by 1.00 percentage points"
    )
    assert "These overlap" in read(few).text
    assert "do not overlap" in read(many).text
    assert "luck of the initial weights" in read(many).text


def test_several_seeds_are_judged_by_their_ranges() -> None:
    level = make_results(seeds=(0, 1), seed_step=0.01)
    apart = make_results(seeds=(0, 1), seed_step=0.0099)
    assert headline(level) == "No clear winner between GRU (reset after) and LSTM"
    assert headline(apart) == "GRU (reset after) is ahead of LSTM by 1.00 percentage points"
    assert "would separate like this once in 3 comparisons" in read(apart).text


def test_the_headline_says_what_makes_it_doubtful() -> None:
    results = make_results(epochs=1, num_test=25_000)
    results.configuration |= {"changed": {"training.epochs": 5}, "limit": 4500}
    assert headline(results) == (
        "With one seed each, 1 of the recipe's 5 epochs and only 4,500 training texts, GRU (reset "
        "after) is ahead of LSTM by 1.00 percentage points"
    )
    results.configuration |= {"changed": {"training.epochs": 1}, "training.epochs": 5}
    results.configuration["limit"] = 9000
    assert headline(results).startswith("With one seed each, GRU"), "more epochs, fewer texts"
    assert headline(make_results(("rnn",))) == (
        "With one seed, simple RNN (tanh) reaches 75.00 % test accuracy"
    )
    assert headline(make_results(("rnn",), (0, 1), seed_step=0)) == (
        "Simple RNN (tanh) reaches 75.00 % test accuracy"
    )
    # Of the second seed, LSTM's job alone is finished.
    unequal = make_results(("lstm", "gru"), (0, 1), num_finished=3, num_test=25_000)
    assert headline(unequal).startswith("With one seed of GRU (reset after), GRU (reset after) is")


def test_all_that_are_level_with_the_best_are_named() -> None:
    found = headline(make_results(ALL_CELLS))
    assert found == ("No clear winner between GRU (reset before), GRU (reset after) and LSTM")


def test_only_an_unbroken_row_of_the_best_is_level() -> None:
    """A cell with one lucky seed is not level where a better one is behind."""
    results = make_results(seeds=(0, 1))
    results.models = [
        replace(model, metrics={**model.metrics, "accuracy": 0.87})
        if model.name == "rnn-seed1"
        else model
        for model in results.models
    ]
    assert headline(results).startswith("GRU (reset after) is ahead of LSTM")


def test_gru_is_compared_with_lstm_in_time() -> None:
    text = read(make_results(ALL_CELLS)).text
    assert (
        "GRU (reset after) takes 0.70 times and GRU (reset before) takes 0.80 times the LSTM's "
        "time per training step (28.0 and 32.0 against 40.0 ms)."
    ) in text
    assert "times the LSTM's" not in read(make_results(("rnn", "gru"))).text


def test_an_unfinished_comparison_says_so_first() -> None:
    results = make_results(seeds=(0, 1), num_finished=4)
    text = read(results).text
    assert "This comparison was interrupted: 4 of 6 jobs finished." in text
    assert (
        "Finished: simple RNN (tanh): seeds 0, 1; LSTM: seed 0; GRU (reset after): seed 0." in text
    )
    assert "Missing: LSTM: seed 1; GRU (reset after): seed 1." in text
    assert text.index("interrupted") < text.index("No clear winner")
    running = replace(results, status="running")
    assert "This comparison is still running: 4 of 6" in read(running).text
    assert "jobs finished" not in read(make_results()).text


# --- charts ---


def test_every_cell_and_seed_has_its_curves() -> None:
    text = page.render(make_results(ALL_CELLS, (0, 7), epochs=4))
    for index in range(len(ALL_CELLS)):
        for curve in (
            "loss-training",
            "loss-validation",
            "accuracy-training",
            "accuracy-validation",
        ):
            for line in ("mean", "seed-0", "seed-7"):
                assert num_points(text, f"curves-{index}-{curve}-{line}") == 4
        assert f'id="curves-{index}-loss-best"' in text
        for seed in (0, 7):
            assert f'id="dots-dot-{index}-seed-{seed}"' in text


def test_one_seed_has_no_thin_lines_and_an_interval() -> None:
    text = page.render(make_results(num_test=1000))
    assert "loss-training-mean" in text
    assert "loss-training-seed-0" not in text
    assert num_points(text, "dots-spread-0") == 2
    assert "95 % interval (Wilson) that 1,000 test examples allow" in Page(text).text


def test_the_notebook_is_drawn_where_it_has_the_cell() -> None:
    text = page.render(make_results(ALL_CELLS, reference=REFERENCE))
    drawn = [f'id="dots-reference-{row}"' in text for row in range(4)]
    assert drawn == [True, True, True, False]
    assert "dots-reference" not in page.render(make_results())


def test_charts_of_all_cells_share_their_axes() -> None:
    text = page.render(make_results(epochs=3))
    charts = re.findall(r"<svg role='img'.*?</svg>", text, flags=re.DOTALL)
    charts = [chart for chart in charts if "Learning curves of" in chart]
    assert len(charts) == 3
    ticks = [re.findall(r">([\d.]+(?: %)?)</text>", chart) for chart in charts]
    assert len(ticks[0]) > 6
    assert ticks[0] == ticks[1] == ticks[2]


def test_the_best_validation_epoch_is_named() -> None:
    results = make_results(("gru",), epochs=5)
    history = results.jobs[0].history
    lowest = min(history, key=lambda epoch: epoch.validation_loss)
    assert 1 < lowest.epoch < 5
    assert f"best {lowest.validation_loss:.3f}, epoch {lowest.epoch}" in read(results).text


# --- the page as a page ---


def test_equal_results_give_equal_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process, with other settings of Matplotlib, and without torch."""
    monkeypatch.setattr(bootstrap, "NUM_RESAMPLES", 1000)  # as the other process has it
    results = make_results(ALL_CELLS, (0, 1), reference=REFERENCE)
    text = written(results, tmp_path)
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True}):
        assert page.render(results) == text
        assert matplotlib.rcParams["font.size"] == 30
    script = (
        "import sys; from pathlib import Path; from tidegate.report import page\n"
        "page.write(Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    again = (tmp_path / "report.html").read_bytes()
    assert hashlib.sha256(again).digest() == hashlib.sha256(text.encode()).digest()


def test_nothing_is_fetched() -> None:
    text = page.render(make_results(ALL_CELLS, (0, 1), reference=REFERENCE))
    seen = Page(text)
    assert not {tag for tag, _ in seen.elements} & {"script", "img", "iframe", "object", "image"}
    for tag, attributes in seen.elements:
        for name, value in attributes.items():
            assert "//" not in value, (tag, name, value)
            if name in ("href", "src"):
                assert value.startswith("#") or value == "data:,"
    assert text.count("<style") == 1
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert text.count("//") == 1, "only the address that the data names as its source"


def test_ids_are_unique_and_references_lead_somewhere() -> None:
    text = page.render(make_results(ALL_CELLS, (0, 1), reference=REFERENCE))
    seen = Page(text)
    assert len(seen.ids) == len(set(seen.ids))
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
    used_ids = {one or other for one, other in used}
    for _, attributes in seen.elements:
        used_ids |= set(attributes.get("aria-labelledby", "").split())
    assert len(used_ids) > 10
    assert used_ids <= set(seen.ids)


def test_landmarks_have_names_of_their_own() -> None:
    seen = read(make_results(ALL_CELLS))
    named = [a for tag, a in seen.elements if tag == "section" or a.get("role") == "region"]
    names = [a.get("aria-label") or a["aria-labelledby"] for a in named]
    assert {"Table of accuracy and loss", "Table of times", "Layers of LSTM", "data"} <= {*names}
    assert len(names) == len(set(names))


@pytest.mark.parametrize("cells", [ALL_CELLS[:num] for num in (1, 2, 3, 4)], ids=len)
def test_a_phone_shows_the_text_of_charts_with_12_pixels_or_more(cells: tuple[str, ...]) -> None:
    """Of 390 pixels, the margins of the page leave 358."""
    charts = re.findall(r"<svg role='img'.*?</svg>", page.render(make_results(cells)), re.DOTALL)
    assert len(charts) == 2 * len(cells) + 1
    for chart in charts:
        found = re.search(r'viewBox="0 0 ([\d.]+)', chart)
        assert found
        sizes = {float(size) for size in re.findall(r"font-size: ([\d.]+)px", chart)}
        assert sizes
        assert min(sizes) * 358 / float(found.group(1)) >= 12


def test_tables_that_scroll_have_a_shadow_at_the_edge() -> None:
    text = page.render(make_results())
    rule = re.search(r"^\.scroll {(.*?)^}", text, re.DOTALL | re.MULTILINE)
    assert rule
    assert "overflow-x: auto" in rule.group(1)
    assert re.search(r"var\(--surface\).*local", rule.group(1)), "covers the shadow at the end"
    assert re.search(r"var\(--shadow\).*scroll", rule.group(1))


def test_colours_follow_the_scheme_of_the_reader() -> None:
    text = page.render(make_results(ALL_CELLS, reference=REFERENCE))
    assert "#0a0b" not in text, "a stand-in was left"
    light, dark = (
        dict(re.findall(r"(--[\w-]+): ([^;]+);", block))
        for block in re.findall(r":root {(.*?)}", text, re.DOTALL)
    )
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert used - {"--columns", "--drawn", "--share"} <= light.keys()
    colours = {name for name in light if light[name].startswith("#")}
    assert {f"--cell-{cell}" for cell in ALL_CELLS} <= colours
    assert all(dark[name] != light[name] for name in colours)
    assert re.search(r"@media screen and \(prefers-color-scheme: dark\) {\s*:root", text)


def test_hostile_strings_are_escaped() -> None:
    results = make_results(("gru", HOSTILE), (0, 1))
    job = results.jobs[0]
    layer = replace(job.summary[0], layer=HOSTILE)
    results.add(replace(job, path=HOSTILE, summary=[layer]), results.predictions[job.name])
    results.task = Task("binary", (HOSTILE, "gripping"))
    results.add(MajorityModel(HOSTILE, job.metrics), results.predictions["majority"])
    results.environment["cpu"] = HOSTILE
    results.environment[HOSTILE] = HOSTILE
    results.configuration["recipe"] = HOSTILE
    results.data |= {"name": HOSTILE, HOSTILE: {"inside": HOSTILE}}
    results.created = results.status = HOSTILE
    text = page.render(results)
    seen = Page(text)
    assert "script" not in {tag for tag, _ in seen.elements}
    assert "<script" not in text
    assert re.search(r"<text[^>]*>&lt;script>.*\$x_1\$</text>", text.replace("&gt;", ">"))
    assert seen.text.count(HOSTILE) >= 12
    assert {name for _, attributes in seen.elements for name in attributes} == {
        name
        for _, attributes in read(make_results(seeds=(0, 1), num_finished=4)).elements
        for name in attributes
    }


@pytest.mark.parametrize(
    ("results", "num_charts"),
    [
        pytest.param(make_results(("rnn",)), 3, id="1 cell"),
        pytest.param(make_results(ALL_CELLS), 9, id="4 cells"),
        pytest.param(make_results(seeds=range(5)), 7, id="5 seeds"),
        pytest.param(make_results(epochs=1), 7, id="1 epoch"),
        pytest.param(make_results(seeds=(0, 1), epochs=1), 7, id="1 epoch, 2 seeds"),
        pytest.param(make_results(seeds=(0, 1), num_finished=1), 3, id="1 job of 6"),
        pytest.param(make_results(seeds=(0, 1), num_finished=0), 0, id="no job of 6"),
    ],
)
def test_every_shape_of_a_comparison(results: Results, num_charts: int, tmp_path: Path) -> None:
    seen = Page(written(results, tmp_path))
    assert seen.charts == num_charts
    levels = [level for level, _ in seen.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(text.strip() for _, text in seen.headings)
    assert all(cell for rows in seen.tables.values() for row in rows or [[""]] for cell in row)
    assert all("scope" in attributes for tag, attributes in seen.elements if tag == "th")
    assert not re.search(r"\bnan\b|\binf\b|undefined", seen.text, flags=re.IGNORECASE)
    assert ("html", {"lang": "en"}) in seen.elements


def test_a_comparison_without_a_finished_job() -> None:
    results = make_results(seeds=(0, 1), num_finished=0)
    assert headline(results) == "No result: no job has finished"
    text = read(results).text
    assert "0 of 6 jobs finished" in text
    assert "Learning curves" not in text


def test_a_cell_without_a_finished_job_keeps_its_row() -> None:
    rows = read(make_results(num_finished=1, reference=REFERENCE)).results
    assert [row[:2] for row in rows[2:]] == [
        ["LSTM", "no finished job"],
        ["GRU (reset after)", "no finished job"],
    ]


def test_write_refuses_what_is_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"expected a run folder with results\.json, got none"):
        page.write(tmp_path)
    results = make_results()
    del results.configuration["seeds"]
    results.save(tmp_path)
    with pytest.raises(FormatError, match="configuration: expected a value of seeds, got none"):
        page.write(tmp_path)
    assert not (tmp_path / "report.html").exists()
