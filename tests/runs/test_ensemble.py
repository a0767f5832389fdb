"""Ensembles: the seeds of their networks, what they answer, what is kept, what is refused."""

import numpy as np
import pytest

import tidegate
from conftest import BAD, GOOD
from model_samples import make_folder, network
from tidegate.data.dataset import Split, TextDataset
from tidegate.data.prepared import prepare
from tidegate.data.sources.imdb import TASK
from tidegate.errors import FormatError, RecipeError
from tidegate.inference.architecture import MAX_MEMBERS, Architecture
from tidegate.inference.ensemble import Ensemble, make_network
from tidegate.inference.network import Network
from tidegate.runs import results as results_file
from tidegate.runs.events import MemberBegins
from tidegate.runs.experiment import Experiment
from tidegate.runs.job import member_seed
from tidegate.runs.run import run
from tidegate.seeding import derive_seed
from tidegate.storage import tensors
from tidegate.training.history import Step
from training_samples import PLAIN, silent

VALUES = {"max_length": 12, "validation_share": 0.25, "dropout.head": 0.2}
THREE = PLAIN.with_values({**VALUES, "training.ensemble": 3})
ALONE = PLAIN.with_values(VALUES)


def prepared():
    rows = [*(GOOD, BAD) * 10]
    part = Split(rows, np.arange(len(rows)) % 2)
    data = TextDataset("toy", "nowhere", part, part, TASK)
    return prepare(data, ALONE.text_options(), validation_share=0.25)


def carry_out(recipe, folder, callback=silent, seed=0, **options):
    experiment = Experiment(recipe, ("gru",), (seed,), 1, checkpoint_every=1)
    return run(experiment, prepared(), folder, callback, **options)


def weights(folder, seed=0):
    path = folder / f"models/gru-seed{seed}/model.safetensors"
    return tensors.from_bytes(path.read_bytes(), "weights")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An ensemble of three, in a run folder, and what was told."""
    folder, told = tmp_path_factory.mktemp("ensemble"), []
    results = carry_out(THREE, folder, told.append)
    return folder, results, told


def test_each_network_is_that_of_a_single_training_from_its_seed(trained, tmp_path):
    folder, _, _ = trained
    found = weights(folder)
    seeds = [member_seed(0, number) for number in range(3)]
    assert seeds == [0, derive_seed(0, "ensemble", 1), derive_seed(0, "ensemble", 2)]
    assert len({*seeds}) == 3
    for number, seed in enumerate(seeds):
        own = tmp_path / str(number)
        own.mkdir()
        carry_out(ALONE, own, seed=seed)
        for name, expected in weights(own, seed).items():
            np.testing.assert_array_equal(found[f"members.{number}.{name}"], expected)
    assert len(found) == 3 * len(weights(tmp_path / "0"))


def test_the_answer_is_the_mean_of_their_outputs(trained):
    folder, results, _ = trained
    model = tidegate.load(folder / "models/gru-seed0")
    inputs = model.folder.preprocessor.transform([GOOD, BAD])
    single = model.folder.architecture.member
    outputs = []
    for number in range(3):
        start = f"members.{number}."
        own = {
            name.removeprefix(start): tensor
            for name, tensor in model.folder.tensors.items()
            if name.startswith(start)
        }
        outputs.append(Network(single, own).outputs(inputs))
    assert np.ptp(outputs, axis=0).min() > 1e-4
    np.testing.assert_allclose(model.outputs([GOOD, BAD]), np.mean(outputs, 0), rtol=1e-12)
    tested = results.predictions["gru-seed0"][:2, 1]
    np.testing.assert_allclose(model.predict_proba([GOOD, BAD])[:, 1], tested, rtol=1e-5)
    assert model.folder.architecture.num_members == 3


def test_results_and_events_have_all_networks(trained):
    folder, results, told = trained
    (job,) = results.jobs
    assert [len(epochs) for epochs in (job.history, *job.others)] == [2, 2, 2]
    assert job.num_parameters == 3 * sum(line.num_parameters for line in job.summary)
    every = [*job.history, *job.others[0], *job.others[1]]
    assert job.training_s == pytest.approx(sum(epoch.training_s for epoch in every))
    assert [event for event in told if isinstance(event, MemberBegins)] == [
        MemberBegins(number, 3) for number in (1, 2, 3)
    ]
    assert results_file.load(folder).jobs[0].others == job.others
    assert "ensemble of 3 such networks" in (folder / "models/gru-seed0/README.md").read_text()
    assert sorted(path.parent.name for path in folder.rglob("history.jsonl")) == [
        f"member{number}" for number in range(3)
    ]
    assert not [*folder.rglob("step-*")]


def test_one_that_was_stopped_goes_on_to_the_same_bits(trained, tmp_path):
    steps, seen = [], []

    def stop(event):
        if isinstance(event, Step):
            steps.append(event)
            if len(steps) == 9:  # in the second network's first epochs
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        carry_out(THREE, tmp_path, stop)
    carry_out(THREE, tmp_path, seen.append, finished=results_file.load(tmp_path))
    num_made = len([event for event in seen if isinstance(event, Step)])
    whole = len([event for event in trained[2] if isinstance(event, Step)])
    assert whole - 9 <= num_made <= whole - 8
    expected = weights(trained[0])
    for name, tensor in weights(tmp_path).items():
        np.testing.assert_array_equal(tensor, expected[name])


def test_folders_without_the_field_are_of_one_network():
    architecture = Architecture("gru", 5, vocabulary_size=9, embedding_dim=4)
    content = architecture.to_json()
    assert content.pop("num_members") == 1
    assert Architecture.from_json(content) == architecture
    assert isinstance(make_network(architecture, _weights(architecture)), Network)


def test_wrong_numbers_and_tensors_are_refused():
    architecture = Architecture("gru", 5, vocabulary_size=9, embedding_dim=4, num_members=2)
    for wrong in (0, -1, MAX_MEMBERS + 1, 2.0):
        with pytest.raises(FormatError, match="num_members"):
            Architecture.from_json({**architecture.to_json(), "num_members": wrong})
    given = _weights(architecture)
    assert len(Ensemble(architecture, given).networks) == 2
    given.pop("members.1.head.bias")
    with pytest.raises(FormatError, match=r"members\.1\.head\.bias"):
        make_network(architecture, given)
    folder, _ = make_folder()
    with pytest.raises(FormatError, match="weights"):
        make_network(architecture, folder.tensors)


def test_an_ensemble_of_series_answers_alike_in_any_company():
    draws = np.random.default_rng(0)
    labels = np.arange(24) % 2
    series = [draws.normal(label, 1, (draws.integers(3, 9), 2)) for label in labels]
    settings = {"training.ensemble": 2, "training.epochs": 2, "hidden_size": 4, "adapt": False}
    model = tidegate.Classifier(settings=settings, threads=1).fit(series, labels).model_
    assert model.folder.architecture.num_members == 2
    together = model.outputs(series, part="network")
    alone = np.concatenate([model.outputs([one], part="network") for one in series])
    assert together.tobytes() == alone.tobytes()


def test_it_is_refused_beside_self_training():
    with pytest.raises(RecipeError, match=r"training\.ensemble=1 beside self_training\.epochs"):
        THREE.with_values({"self_training.epochs": 1})


def _weights(architecture):
    model = network(vocabulary_size=9)
    plain = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    if architecture.num_members == 1:
        return plain
    return {f"members.{number}.{name}": one for number in range(2) for name, one in plain.items()}
