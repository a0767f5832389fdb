"""The report of a run with a linear model: which is better, and how sure that is."""

from dataclasses import replace

import pytest

from report_samples import Page, make_results
from tidegate.report import outcome, page
from tidegate.report.summary import summarize
from tidegate.runs.card import model_card
from tidegate.runs.experiment import Experiment
from tidegate.task import Task
from tidegate.training.recipe import load

pytestmark = pytest.mark.usefixtures("few_resamples")


def read(results):
    return Page(page.render(results))


def headline(results):
    return outcome.headline(summarize(results), results)


def test_the_table_has_all_three():
    seen = read(make_results(("lstm", "gru"), linear=0.87, together=0.03))
    assert seen.results == [
        [
            *("Model", "Parameters", "Test accuracy alone"),
            *("Test accuracy with the linear model", "Test loss alone"),
        ],
        ["LSTM", "1,412,225", "85.00 %", "88.00 %", "0.400"],
        ["GRU (reset after)", "1,379,201", "86.00 %", "89.00 %", "0.390"],
        ["linear model", "654,321", "87.00 %", "\N{EN DASH}", "0.380"],
    ]
    assert seen.times[-1] == ["linear model", "\N{EN DASH}", "12.5", *["\N{EN DASH}"] * 3]
    assert "numbering the texts took another 4.25 s" in seen.text
    assert "(the network's: LSTM 0.40 and GRU (reset after) 0.40)" in seen.text


def test_an_undefined_metric_has_a_dash():
    results = make_results(("gru",), linear=0.87)
    linear = results.linear
    without = {name: value for name, value in linear.metrics.items() if name != "roc_auc"}
    results.add(replace(linear, metrics=without), results.predictions["linear"])
    rows = {row[0]: row[4] for row in read(results).tables["All metrics of each model"]}
    assert rows["linear model"] == "\N{EN DASH}"
    assert rows["GRU (reset after)"].startswith("92.25 % ")


def test_a_linear_model_that_beats_every_network_is_the_headline():
    results = make_results(linear=0.91)
    assert headline(results) == (
        "With one seed each, the linear model alone is better than every network"
    )
    # 50 of 1,000 examples more are right, and none less.
    assert (
        "The linear model alone (a sample of a linear model) has 91.00 % and is better than the "
        "best network alone, GRU (reset after) with 86.00 % (p < 0.001)."
    ) in read(results).text
    one = make_results(("gru",), linear=0.91)
    assert headline(one) == (
        "With one seed, the linear model alone is better than GRU (reset after)"
    )
    two = make_results(("gru",), (0, 1), linear=0.91)
    assert headline(two) == "The linear model alone is better than GRU (reset after)"


def test_a_linear_model_that_is_level_is_said_to_be():
    """5 examples of 1,000 more are right, and none less: p = 2 / 2^5."""
    results = make_results(("gru",), linear=0.865)
    assert headline(results) == (
        "With one seed, GRU (reset after) reaches 86.00 % test accuracy; the linear model reaches "
        "86.50 %"
    )
    text = read(results).text
    assert "not clearly different from the network alone" in text
    assert "(p = 0.062)" in text


def test_a_linear_model_that_is_worse_leaves_the_headline():
    results = make_results(linear=0.70)
    assert headline(results) == headline(make_results())
    assert "is worse than the best network alone" in read(results).text


def test_both_together_are_judged_against_each():
    better = read(make_results(("gru",), linear=0.87, together=0.05)).text
    assert (
        "GRU (reset after) and the linear model together have 91.00 %: better than the network "
        "alone (p < 0.001), better than the linear model alone (p < 0.001)."
    ) in better
    worse = read(make_results(("gru",), linear=0.91, together=0.02)).text
    assert (
        "together have 88.00 %: better than the network alone (p < 0.001), worse than the linear "
        "model alone (p < 0.001)."
    ) in worse


def test_every_seed_must_agree():
    """The first of two seeds is better by 2 examples of 1,000, the second by 32."""
    results = make_results(("gru",), (0, 1), seed_step=0.03, linear=0.858)
    text = read(results).text
    assert "not clearly different from the network alone" in text
    assert "(p up to 0.5)" in text
    sure = read(make_results(("gru",), (0, 1), seed_step=0.03, linear=0.7)).text
    assert "is worse than the network alone" in sure
    assert "(p below 0.001)" in sure


def test_the_chart_shows_all_three():
    text = page.render(make_results(("lstm", "gru"), (0, 1), linear=0.87))
    assert text.count('id="dots-linear"') == 1
    for row in (0, 1):
        for seed in (0, 1):
            assert f'id="dots-combined-{row}-seed-{seed}"' in text
            assert f'id="dots-dot-{row}-seed-{seed}"' in text
    # Means of two seeds, 0.2 percentage points apart.
    assert "85.10 % alone, 87.10 % together" in text
    alone = page.render(make_results())
    assert "dots-linear" not in alone
    assert "dots-combined" not in alone
    assert "linear model" not in Page(alone).text
    ids = Page(text).ids
    assert len(ids) == len(set(ids))
    assert "#0a0b" not in text


def test_changed_values_are_named():
    results = make_results()
    assert "by the recipe notebook." in read(results).text
    results.configuration["changed"] = {"hidden_size": 64, "bidirectional": True}
    results.configuration["bidirectional"] = False
    seen = read(results)
    text = seen.text
    shown = dict(seen.tables["The configuration"])
    assert shown["changed"] == ("hidden_size 128 (not 64), bidirectional no (not yes)")
    assert (
        "by the recipe notebook with hidden_size 128 (not 64) and bidirectional no (not yes)."
        in text
    )


def test_the_configuration_records_what_is_changed():
    def configuration(name, *settings):
        recipe = load(name).with_settings(settings)
        return Experiment(recipe, ("gru",), (0,), 1).configuration()

    assert configuration("fast")["changed"] == {}
    changed = configuration("fast", "hidden_size=5", "training.epochs=2")
    own = load("fast")
    assert changed["changed"] == {
        "network.hidden_size": own.network.hidden_size,
        "training.epochs": own.training.epochs,
    }
    assert changed["network.hidden_size"] == 5


TASK = Task("binary", ("dull", "gripping"))
DATA = {"name": "d", "source": "s", "num_train": 1, "num_validation": 2, "num_test": 3}


def card(name, linear=None, task=TASK, **values):
    results = make_results(("gru",), linear=linear)
    (job,) = results.jobs
    recipe = load(name).with_values(values)
    text = model_card(job, results.blend_of(job), Experiment(recipe, ("gru",), (0,), 1), task, DATA)
    return " ".join(text.split())


def test_the_card_is_true_for_every_recipe():
    notebook = card("notebook")
    for text in (
        "Adam as Keras on TensorFlow computes it with a learning rate of 0.001",
        "in one direction, with one layer of 128 units, and decides from the last state.",
        "its last 200 tokens are read; shorter ones have id 0 in front",
        "split at blanks and punctuation",
    ):
        assert text in notebook, text
    default = load("default")
    text = card(
        "default",
        linear=0.9,
        num_layers=2,
        bidirectional=True,
        bigram_vocabulary_size=9,
        pooling="mean+max",
    )
    for part in (
        "recipe `default` with other values:",
        f"Adam with a learning rate of up to {default.training.learning_rate:g}",
        f"in both directions, with 2 layers of {default.network.hidden_size} units per direction",
        "the mean of and the maximum over all states, unit by unit.",
        f"its last {default.text.max_length} tokens are read. To a word's embedding that of the",
        "Together with the linear model in this folder, as `tidegate.load` answers, accuracy is "
        "0.8800 and loss 0.3700.",
    ):
        assert part in text, (part, text)
    assert "in front" not in text
    assert "recipe `fast`: 1 epoch, batches of 32," in card("fast")
    assert "5 epochs, batches" in notebook
    assert "with 2 layers of 128 units each, and" in card("notebook", num_layers=2)
    assert "linear model" not in card("fast")
    assert "of the pair" not in card("fast", bigram_vocabulary_size=0)


def test_the_card_says_what_is_asked():
    assert "A binary classifier of texts, with the classes `dull`, `gripping`," in card("fast")
    topics = Task("multi-class", ("sport", "politics", "weather"))
    text = card("fast", task=topics)
    assert "A multi-class classifier of texts, with the classes `sport`, `politics`," in text
    assert "A regression of texts, with the answers `stars`," in card(
        "fast", task=Task("regression", ("stars",))
    )
    assert "English" not in text


def test_a_linear_model_without_a_finished_job_keeps_its_row():
    results = make_results(num_finished=0, linear=0.9)
    assert headline(results) == "No result: no job has finished"
    assert page.render(results)
    some = replace(make_results(seeds=(0, 1), num_finished=1, linear=0.9))
    rows = read(some).results
    assert rows[2][:2] == ["LSTM", "no finished job"]
    assert rows[-1][0] == "linear model"
