"""What a training needs of memory, what there is, and what is said where it is less."""

import resource
import subprocess
import sys
from dataclasses import replace

import pytest

from conftest import write_reviews
from resume_samples import settings
from tidegate import memory
from tidegate.cells import CELLS
from tidegate.data import sources
from tidegate.errors import RecipeError
from tidegate.model.classifier import num_trained
from tidegate.model.language_model import LanguageModel
from tidegate.runs import memory_check
from tidegate.runs.experiment import Experiment
from tidegate.training import footprint, network
from tidegate.training.footprint import CAUSES, Sizes
from tidegate.training.recipe import load
from training_samples import EVERYTHING, PLAIN

GB = 10**9


def sizes(**changed):
    values = {
        "cell": "gru",
        "vocabulary_size": 30,
        "bigram_vocabulary_size": 20,
        "num_texts": 100,
        "num_trained_on": 50,
        "num_tokens": 10_000,
        "longest": 200,
    }
    return Sizes(**values | changed)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("changed", [{}, EVERYTHING], ids=["plain", "everything"])
def test_the_parameters_are_counted_as_they_are(cell, changed):
    recipe = PLAIN.with_values(changed)
    pairs = recipe.text.bigram_vocabulary_size
    model = network.make(cell, recipe, 0, vocabulary_size=30, bigram_vocabulary_size=pairs)
    counted = footprint.of_classifier(recipe, sizes(cell=cell, bigram_vocabulary_size=pairs))
    # The head is left out, and biases that are not trained are there all the same.
    head = num_trained(model.head) + num_trained(model.pooling)
    assert counted.num_parameters == sum(p.numel() for p in model.parameters()) - head
    language = LanguageModel(
        cell,
        vocabulary_size=30,
        embedding_dim=recipe.network.embedding_dim,
        hidden_size=recipe.network.hidden_size,
        bidirectional=recipe.network.bidirectional,
    )
    counted = footprint.of_language_model(recipe, sizes(cell=cell))
    assert counted.num_parameters == sum(p.numel() for p in language.parameters())


def test_a_footprint_grows_with_what_it_is_said_to_grow_with():
    recipe = load("notebook").with_values({"pretraining.epochs": 1, "bigram_vocabulary_size": 20})
    recipe = recipe.with_values({"training.ensemble": 2})
    large = {"vocabulary_size": 10**6, "bigram_vocabulary_size": 10**6, "num_tokens": 10**8}
    large |= {"num_texts": 10**6, "num_trained_on": 10**6}
    seen = set()
    for of in (footprint.of_classifier, footprint.of_language_model):
        found = of(recipe, sizes(**large))
        for name in found.parts:
            seen.add(name)
            for key in CAUSES[name]:
                size = key.removeprefix("text.")
                if size in large:
                    more = of(recipe, sizes(**large | {size: 2 * 10**6}))
                else:
                    twice = recipe.with_values({key: 2 * recipe.values()[key]})
                    more = of(twice, sizes(**large))
                is_more = more.parts[name] > found.parts[name]
                assert is_more or key == "network.num_layers", (name, key)
    assert seen == {*CAUSES}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    return sources.load("imdb", write_reviews(tmp_path_factory.mktemp("reviews") / "aclImdb"))


def experiment(recipe, **values):
    return Experiment(load(recipe).with_values(values), ("rnn", "gru"), (0,), 1)


def test_what_does_not_fit_is_refused_with_both_numbers_and_what_to_lower(texts, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: (4 * GB, "left by ulimit -v"))
    memory_check.check(experiment("fast"), texts, 38)
    with pytest.raises(RecipeError) as error:
        memory_check.check(experiment("fast", hidden_size=30_000), texts, 38)
    text = str(error.value)
    assert text.startswith(
        "recipe fast: expected a training that fits in the 4.0 GB of memory left by ulimit -v, got "
        "one of about "
    )
    assert text.endswith("for the recurrent layers; lower network.hidden_size=30000 with --set")
    with pytest.raises(RecipeError, match="in a new run, or go on where there is more memory$"):
        memory_check.check(experiment("fast", hidden_size=30_000), texts, 38, begun=True)
    monkeypatch.setattr(memory, "available_bytes", lambda: (GB // 2, "here"))
    values = {"max_length": 0, "batch_size": 30, "hidden_size": 2, "vocabulary_size": 50}
    long = type(texts.train)([text * 2000 for text in texts.train.texts], texts.train.labels)
    everything = replace(texts, train=long)
    with pytest.raises(
        RecipeError,
        match="for the states of a batch; lower training.batch_size=30 or network.hidden_size=2 "
        "or limit text.max_length with --set$",
    ):
        memory_check.check(experiment("causal", **values), everything, 38)
    cut = experiment("causal", **values | {"max_length": 100})
    memory_check.check(cut, everything, 38)
    values = {"max_length": 10**6, "batch_size": 1, "hidden_size": 1, "embedding_dim": 1}
    padded = experiment("notebook", **values)
    with pytest.raises(
        RecipeError, match="for the padded texts; lower text.max_length=1000000 with"
    ):
        memory_check.check(padded, texts, 32)


def test_a_language_model_is_counted_where_one_is_made(texts, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: (GB // 2, "here"))
    values = {"hidden_size": 64, "pretraining.streams": 100_000, "pretraining.steps": 1000}
    many = texts.train.texts * 20_000
    large = replace(texts, train=replace(texts.train, texts=many))
    with pytest.raises(RecipeError, match="lower pretraining.streams=100000 or pretrain"):
        memory_check.check(experiment("default", **values), large, 38, only_pretrain=True)
    memory_check.check(experiment("default", **values | {"pretraining.epochs": 0}), texts, 38)


def test_words_are_counted_before_a_vocabulary_is_called_too_large(texts, monkeypatch):
    """Of a million ids that are asked for, the texts have some thirty."""
    monkeypatch.setattr(memory, "available_bytes", lambda: (100_000_000, "here"))
    long = replace(texts.train, texts=[text * 500 for text in texts.train.texts])
    large = replace(texts, train=long)
    values = {"vocabulary_size": 10**6, "bigram_vocabulary_size": 0, "embedding_dim": 128}
    memory_check.check(experiment("fast", **values), large, 38)
    monkeypatch.setattr(memory, "available_bytes", lambda: (1_000_000, "here"))
    with pytest.raises(RecipeError, match="of about"):
        memory_check.check(experiment("fast", **values), large, 38)


def test_where_nothing_is_known_nothing_is_refused(texts, monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    memory_check.check(experiment("fast", hidden_size=100_000), texts, 38)


def test_a_limit_on_the_process_is_seen_and_nothing_made(reviews, tmp_path):
    limit = 12 * GB
    command = [sys.executable, "-m", "tidegate.cli.main", "train", "imdb", "--recipe", "fast"]
    command += ["--data", reviews, "--out", tmp_path / "run", *settings({"hidden_size": 30_000})]
    found = subprocess.run(
        [*map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert found.returncode == 1
    assert "of memory left by ulimit -v, got one of about " in found.stderr, found.stderr
    assert "Traceback" not in found.stderr
    assert not (tmp_path / "run").exists()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A system of files that a test writes; without limits on the process."""
    monkeypatch.setattr(memory, "PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path / "cgroup")
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(memory.resource, "getrlimit", lambda limit: unlimited)
    write(tmp_path / "proc" / "meminfo", "MemTotal: 9000 kB\nMemAvailable: 8000 kB\n")
    return tmp_path


def test_the_machines_memory_counts(system):
    assert memory.available_bytes() == (8_192_000, "available on this machine")


@pytest.mark.parametrize("is_root", [False, True], ids=["its path", "the container's root"])
def test_a_control_groups_limit_counts_and_that_of_those_above(system, is_root):
    write(system / "proc" / "self" / "cgroup", "0::/a/b\n")
    group = system / "cgroup" if is_root else system / "cgroup" / "a"
    write(group / "memory.max", "5000\n")
    write(group / "memory.current", "3000\n")
    write(group / "memory.stat", "anon 1\ninactive_file 1000\n")
    if not is_root:
        write(group / "b" / "memory.max", "max\n")
        write(group / "b" / "memory.current", "2000\n")
    assert memory.available_bytes() == (3000, "left to this process's control group")


def test_a_control_group_of_the_first_version_counts(system):
    write(system / "proc" / "self" / "cgroup", "4:cpu,memory:/a\n1:cpu:/\n")
    write(system / "cgroup" / "memory" / "a" / "memory.limit_in_bytes", "5000\n")
    write(system / "cgroup" / "memory" / "a" / "memory.usage_in_bytes", "4500\n")
    assert memory.available_bytes() == (500, "left to this process's control group")


def test_a_limit_on_the_process_counts_less_what_it_has(system, monkeypatch):
    limits = {resource.RLIMIT_AS: 6_000_000, resource.RLIMIT_DATA: resource.RLIM_INFINITY}
    monkeypatch.setattr(memory.resource, "getrlimit", lambda limit: (limits[limit], 0))
    write(system / "proc" / "self" / "status", "VmPeak: 1 kB\nVmSize:    1000 kB\n")
    assert memory.available_bytes() == (4_976_000, "left by ulimit -v")
