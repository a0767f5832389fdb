"""``Classifier`` and ``Regressor``: what they learn, keep, take from scikit-learn, leave behind."""

import doctest
import io
import pickle
import subprocess
import sys
import tempfile

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import tidegate as package
from estimator_samples import ABLE, ANSWERS, NEW, TEXTS, TINY
from tidegate import Classifier, Regressor
from tidegate.errors import ArgumentError, RecipeError
from tidegate.estimators import training

NUMBERS = [1.0 if answer == "pos" else -1.0 for answer in ANSWERS]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where run folders are made; nothing may be left there."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert [*place.glob("tidegate-*")] == []


@pytest.fixture(scope="module")
def able():
    return Classifier(settings=ABLE, threads=1).fit(TEXTS, ANSWERS)


def weights(estimator):
    return {name: one.tobytes() for name, one in estimator.model_.folder.tensors.items()}


def lower(texts):
    return [text.lower() for text in texts]


def test_the_example_in_the_docstring_runs(capsys):
    assert {"Classifier", "Regressor"} <= {*dir(package)}
    (test,) = doctest.DocTestFinder(recurse=False).find(Classifier, "Classifier")
    assert len(test.examples) >= 5
    assert doctest.DocTestRunner().run(test).failed == 0, capsys.readouterr().out


def test_a_classifier_learns(able):
    assert able.classes_.tolist() == ["neg", "pos"]
    assert able.predict(NEW).tolist() == ["pos", "neg", "pos", "neg"]
    chances = able.predict_proba(NEW)
    assert chances.shape == (4, 2)
    assert np.allclose(chances.sum(1), 1)
    assert (chances[:, 1] > 0.5).tolist() == [True, False, True, False]
    assert able.score(TEXTS, ANSWERS) == 1
    assert able.score(NEW, ["neg", "neg", "pos", "neg"]) == 0.75
    assert [epoch["epoch"] for epoch in able.history_] == [1, 2, 3, 4, 5, 6]
    assert able.history_[-1]["validation_score"] == 1


def test_a_regressor_learns_one_number_or_several():
    one = Regressor(settings=ABLE, threads=1).fit(TEXTS, NUMBERS)
    assert np.allclose(one.predict(NEW), [1, -1, 1, -1], atol=0.5)
    assert one.score(TEXTS, NUMBERS) > 0.9
    two = Regressor(settings=ABLE, threads=1).fit(
        TEXTS, np.column_stack([NUMBERS, np.negative(NUMBERS)])
    )
    assert np.allclose(two.predict(NEW[:2]), [[1, -1], [-1, 1]], atol=0.5)
    assert two.model_.classes == ("y0", "y1")
    assert not hasattr(one, "classes_")


def test_large_numbers_are_scaled_by_scikit_learn():
    large = np.array(NUMBERS) * 500 + 3_000
    scaled = TransformedTargetRegressor(
        Regressor(settings=ABLE, threads=1), transformer=StandardScaler()
    )
    assert scaled.fit(TEXTS, large).score(TEXTS, large) > 0.9


def test_the_bits_are_those_of_train(tmp_path):
    path = tmp_path / "own.csv"
    pd.DataFrame({"text": TEXTS, "label": ANSWERS}).to_csv(path, index=False)
    settings = TINY | {"training.epochs": 2, "linear_model.order": 1}
    run = package.train(
        path, test=path, settings=settings, threads=1, seed=3, out=tmp_path / "run", cell="lstm"
    )
    found = Classifier(cell="lstm", settings=settings, threads=1, random_state=3)
    found.fit(TEXTS, ANSWERS)
    model = package.load(run.model)
    assert weights(found) == {name: one.tobytes() for name, one in model.folder.tensors.items()}
    assert (found.predict_proba(NEW) == model.predict_proba(NEW)).all()
    assert found.model_.parts == ("all", "network", "linear")


def test_the_same_seed_gives_the_same_bits():
    def fitted(seed):
        return weights(Classifier(settings=TINY, threads=1, random_state=seed).fit(TEXTS, ANSWERS))

    first = fitted(1)
    assert fitted(np.int64(1)) == first
    assert fitted(2) != first
    assert fitted(np.random.RandomState(5)) == fitted(np.random.RandomState(5)) != first
    np.random.seed(5)  # noqa: NPY002
    assert fitted(None) == fitted(np.random.RandomState(5))
    estimator = Classifier(settings=TINY, threads=1, random_state=1).fit(TEXTS[::-1], ANSWERS[::-1])
    assert weights(estimator.fit(TEXTS, ANSWERS)) == first


def test_the_process_computes_afterwards_as_before():
    before = torch.get_num_threads(), package.get_num_threads()
    Classifier(settings=TINY, threads=1).fit(TEXTS, ANSWERS)
    assert (torch.get_num_threads(), package.get_num_threads()) == before


def test_arguments_are_stored_and_copied():
    values = {"hidden_size": 8}
    estimator = Classifier("fast", cell="rnn", settings=values, threads=2, random_state=4)
    assert estimator.get_params() == {
        "recipe": "fast",
        "cell": "rnn",
        "settings": values,
        "threads": 2,
        "random_state": 4,
        "verbose": 0,
    }
    assert estimator.settings is values
    copy = clone(estimator.set_params(cell="gru"))
    assert (copy.cell, copy.settings) == ("gru", values)
    assert Regressor().get_params() == Classifier().get_params()


def test_what_is_not_fitted_does_not_answer(able, tmp_path):
    for estimator in (Classifier(), clone(able), Regressor()):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            estimator.predict(NEW)
        with pytest.raises(NotFittedError):
            estimator.save(tmp_path / "model")
    with pytest.raises(NotFittedError):
        Classifier().predict_proba(NEW)
    assert not hasattr(able, "partial_fit")


def test_weights_of_texts_are_refused_by_name():
    for estimator in (Classifier(settings=TINY), Regressor(settings=TINY)):
        with pytest.raises(ArgumentError, match="sample_weight: expected none, for .*class_weight"):
            estimator.fit(TEXTS, NUMBERS, sample_weight=np.ones(30))
        with pytest.raises(TypeError, match=r"fit: expected X and y alone, got also groups"):
            estimator.fit(TEXTS, NUMBERS, groups=ANSWERS)
    Classifier(settings=TINY, threads=1).fit(TEXTS, ANSWERS, sample_weight=None)


def test_a_mistake_in_an_argument_is_one_of_the_librarys_errors():
    def fit(**arguments):
        Classifier(**{"settings": TINY} | arguments).fit(TEXTS, ANSWERS)

    with pytest.raises(RecipeError, match="did you mean training.epochs"):
        fit(settings={"epoch": 1})
    with pytest.raises(ArgumentError, match="recipe: expected one of notebook"):
        fit(recipe="slow")
    with pytest.raises(ArgumentError, match="cells: expected of rnn, lstm, gru, gru-before, got"):
        fit(cell="grru")
    with pytest.raises(ArgumentError, match="random_state: expected a whole number from 0 on, got"):
        fit(random_state=-1)
    with pytest.raises(ArgumentError, match="settings: expected a dict of values .* got a list"):
        fit(settings=["hidden_size=3"])
    with pytest.raises(ArgumentError, match="the recipe best learns from texts without labels"):
        fit(recipe="best")


def test_a_pipeline_a_search_and_cross_validation_take_it():
    pipeline = make_pipeline(FunctionTransformer(lower), Classifier(settings=ABLE, threads=1))
    shouted = [text.upper() for text in TEXTS]
    assert pipeline.fit(shouted, ANSWERS).predict(["GOOD", "BAD"]).tolist() == ["pos", "neg"]
    scores = cross_val_score(pipeline, np.array(shouted), ANSWERS, cv=2)
    assert scores.tolist() == [1, 1]
    series = pd.Series(TEXTS, index=range(100, 130))
    r2 = cross_val_score(Regressor(settings=ABLE, threads=1), series, NUMBERS, cv=2)
    assert (r2 > 0.5).all()


def test_a_search_in_two_processes_takes_it():
    grid = {"settings": [ABLE, ABLE | {"training.epochs": 1, "training.learning_rate": 0.0}]}
    search = GridSearchCV(Classifier(threads=1), grid, cv=2, n_jobs=2)
    search.fit(TEXTS, ANSWERS)
    assert search.best_params_ == {"settings": ABLE}
    assert search.best_score_ == 1
    assert search.predict(NEW).tolist() == ["pos", "neg", "pos", "neg"]


def test_pickles_answer_alike_and_hold_no_torch(able, tmp_path):
    content = pickle.dumps(able)
    assert b"torch" not in content
    joblib.dump(able, tmp_path / "able.joblib")
    expected = able.predict_proba(NEW)
    for copy in (pickle.loads(content), joblib.load(tmp_path / "able.joblib")):
        assert (copy.predict_proba(NEW) == expected).all()
        assert copy.predict(NEW).tolist() == ["pos", "neg", "pos", "neg"]
    (tmp_path / "able.pickle").write_bytes(content)
    code = (
        "import pickle, sys\n"
        "from pathlib import Path\n"
        "class NoTorch:\n"  # not None in sys.modules, at which SciPy looks for arrays of it
        "    def find_spec(name, *rest):\n"
        "        if name == 'torch': raise ModuleNotFoundError(name=name)\n"
        "sys.meta_path.insert(0, NoTorch)\n"
        "able = pickle.loads(Path(sys.argv[1]).read_bytes())\n"
        "print(able.predict(['good', 'bad']).tolist())\n"
        "try: able.fit(['a', 'b'] * 4, [0, 1] * 4)\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "able.pickle")], capture_output=True, text=True
    )
    answers, message = done.stdout.splitlines()
    assert answers == "['pos', 'neg']"
    assert message == (
        "Classifier: expected the package torch to train, got none; pip install 'tidegate[train]'"
    )


def test_without_scikit_learn_it_says_what_to_install():
    code = (
        "import sys; sys.modules['sklearn'] = None\nimport tidegate\n"
        "try: tidegate.Classifier\nexcept ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == (
        "tidegate.estimators: expected the package scikit-learn, got none; "
        "pip install 'tidegate[train]'\n"
    )


def test_a_saved_model_answers_alike(able, tmp_path):
    able.save(tmp_path / "model")
    model = package.load(tmp_path / "model")
    assert (model.predict_proba(NEW) == able.predict_proba(NEW)).all()
    assert model.predict(NEW).tolist() == able.predict(NEW).tolist()
    with pytest.raises(FileExistsError):
        able.save(tmp_path / "model")
    numbered = Classifier(settings=TINY, threads=1).fit(TEXTS, [3, 20] * 15)
    numbered.save(str(tmp_path / "numbered"))
    loaded = package.load(tmp_path / "numbered")
    assert loaded.classes == ("3", "20")
    assert loaded.predict(TEXTS).tolist() == [*map(str, numbered.predict(TEXTS))]


def test_the_card_says_that_no_test_was_made(able):
    card = able.model_.folder.card
    assert "Data: 30 texts in memory. 27 texts trained it, 3 validated" in card
    assert "and no others tested it.\n\n| on the validation texts | |" in card


def test_an_epoch_is_told_on_stderr_where_it_is_asked_for(capsys):
    Classifier(settings=TINY, threads=1).fit(TEXTS, ANSWERS)
    assert capsys.readouterr() == ("", "")
    Classifier(settings=TINY, threads=1, verbose=1).fit(TEXTS, ANSWERS)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Classifier: the network, recurrence computed by tidegate.nn" in err
    assert "Classifier: epoch 1, 0.0 s: loss 0." in err
    assert "test" not in err
    Regressor(settings=TINY | {"linear_model.order": 1}, threads=1, verbose=1).fit(TEXTS, NUMBERS)
    assert "Regressor: linear model: left out, for it answers with" in capsys.readouterr().err


def test_an_interrupted_fit_leaves_nothing_and_what_was_fitted(monkeypatch, folder):
    class Interrupting(io.StringIO):
        def write(self, text):
            if "epoch 1" in text:
                assert [*folder.glob("tidegate-*/run.json")]
                raise KeyboardInterrupt
            return super().write(text)

    estimator = Classifier(settings=TINY, threads=1).fit(TEXTS, ANSWERS)
    before = weights(estimator)
    monkeypatch.setattr(sys, "stderr", Interrupting())
    with pytest.raises(KeyboardInterrupt):
        estimator.set_params(verbose=1, random_state=7).fit(TEXTS, ANSWERS)
    assert [*folder.iterdir()] == []
    assert weights(estimator) == before
    assert not training._ONE_AT_A_TIME.locked()
