"""What estimators take for texts and for targets, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import DataConversionWarning

from estimator_samples import ABLE, ANSWERS, NEW, TEXTS, TINY, Column, Table
from tidegate import Classifier, Regressor
from tidegate.errors import DataError
from tidegate.estimators.texts import texts_of

HALF = "half \ud83d"

CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "array of texts": np.array,
    "array of objects": lambda texts: np.array(texts, object),
    "array of one column": lambda texts: np.array(texts, object)[:, None],
    "pandas column": lambda texts: pd.Series(texts, index=range(7, 7 + len(texts))),
    "pandas objects": lambda texts: pd.Series(texts, dtype=object),
    "pandas table": lambda texts: pd.DataFrame({"review": texts}),
    "other column": Column,
    "other table": lambda texts: Table(review=texts),
}


@pytest.mark.parametrize("made", CONTAINERS.values(), ids=CONTAINERS)
def test_texts_come_in_many_containers(made):
    given = ["one", "", "drei und vier é"]
    texts = texts_of(made(given), "Classifier")
    assert texts == given
    assert type(texts) is list
    assert type(texts[0]) is str


def test_a_container_trains_as_a_list_does():
    expected = Classifier(settings=TINY, threads=1).fit(TEXTS, ANSWERS).predict_proba(NEW)
    found = Classifier(settings=TINY, threads=1).fit(Table(text=TEXTS), Column(ANSWERS))
    assert (found.predict_proba(pd.DataFrame({"text": NEW})) == expected).all()


NO_TEXTS = {
    "one text": ("a text", "or a table or array of one column, got one text; give [text]"),
    "none": (None, "got a NoneType"),
    "a set": ({"a"}, "got a set"),
    "a dict": ({"a": 1}, "got a dict"),
    "numbers": (np.ones(3), "X: expected texts, got an array of dtype float64"),
    "bytes": (np.array([b"a"]), "X: expected texts, got an array of dtype |S1"),
    "two columns": (np.array([["a", "b"]]), "got an array of shape (1, 2)"),
    "a sparse array": (csr_array(np.eye(2)), "got a csr_array"),
    "a table": (
        pd.DataFrame({"a": ["x"], "b": ["y"]}),
        "X: expected a table of one column, the texts, got one of 2: a, b; give the column of the",
    ),
    "none among texts": (["a", None, 3], "X: expected texts, got none at index 1"),
    "a number among texts": (("a", "b", 3), "X: expected texts, got int '3' at index 2"),
    "nothing in a column": (
        pd.Series(["a", None], dtype=object),
        "X: expected texts, got none at index 1",
    ),
    "not a number": (pd.Series(["a", float("nan")], dtype=object), "got float 'nan' at index 1"),
    "lists": ([["a"], ["b"]], "X: expected texts, got list \"['a']\" at index 0"),
    "half a pair": (["é", HALF], "expected whole characters, got half a surrogate pair at index 1"),
}


@pytest.mark.parametrize(("given", "message"), NO_TEXTS.values(), ids=NO_TEXTS)
def test_what_is_no_text_is_refused(given, message):
    with pytest.raises(DataError) as error:
        Classifier(settings=TINY).fit(given, ANSWERS)
    assert str(error.value).startswith("Classifier: X: expected ")
    assert message in str(error.value)


def test_an_answer_is_refused_in_the_same_words():
    estimator = Regressor(settings=TINY, threads=1).fit(TEXTS, [0.0, 1.0] * 15)
    with pytest.raises(DataError, match=r"Regressor\.predict: X: expected texts, got none at in"):
        estimator.predict(["a", None])
    assert estimator.predict([]).shape == (0,)


CLASSES = {
    "texts": (["b", "a"], "<U1"),
    "objects": (np.array(["b", "a"], object), "object"),
    "numbers": ([10, -3], "int64"),
    "small numbers": (np.array([10, 3], np.int8), "int8"),
    "truth values": ([True, False], "bool"),
    "whole floats": ([1.0, 0.0], "float64"),
    "column of texts": (pd.Series(["b", "a"]), "object"),
    "column of truth values": (pd.Series([True, False], dtype=object), "bool"),
    "column of categories": (pd.Series(["b", "a"], dtype="category"), "object"),
    "column of numbers": (pd.Series([10, 3], dtype="Int64"), "int64"),
    "other column": (Column([True, False]), "bool"),
    "names that differ in blanks": (["a", "a "], "<U2"),
}


def repeated(two):
    """Fifteen times the two classes, in the container that they came in."""
    if isinstance(two, pd.Series):
        return pd.concat([two] * 15, ignore_index=True)
    return (
        Column(two.values * 15)
        if isinstance(two, Column)
        else (np.tile(two, 15) if isinstance(two, np.ndarray) else two * 15)
    )


@pytest.mark.parametrize(("two", "dtype"), CLASSES.values(), ids=CLASSES)
def test_classes_keep_their_type(two, dtype):
    estimator = Classifier(settings=ABLE, threads=1).fit(TEXTS, repeated(two))
    assert estimator.classes_.dtype == dtype
    values = two.to_list() if hasattr(two, "to_list") else [*two]
    assert estimator.classes_.tolist() == sorted(values)
    answers = estimator.predict(NEW)
    assert answers.dtype == dtype
    assert answers.tolist() == values * 2


def test_three_classes():
    texts = [f"{word} {number}" for number in range(12) for word in ("good", "bad", "odd")]
    estimator = Classifier(settings=ABLE, threads=1).fit(texts, [2, 0, 7] * 12)
    assert estimator.classes_.tolist() == [0, 2, 7]
    assert estimator.predict(["bad", "odd", "good"]).tolist() == [0, 7, 2]
    assert estimator.predict_proba(["bad"]).argmax() == 0
    assert estimator.predict_proba(["bad"]).shape == (1, 3)


def test_several_labels():
    both = np.tile([[1, 0], [0, 1]], (15, 1))
    estimator = Classifier(settings=ABLE, threads=1).fit(TEXTS, both)
    assert estimator.predict(NEW).tolist() == both[:4].tolist()
    assert estimator.predict_proba(NEW).shape == (4, 2)
    assert estimator.score(TEXTS, both) == 1
    assert estimator.classes_.tolist() == [0, 1]
    named = Classifier(settings=ABLE, threads=1)
    named.fit(TEXTS, pd.DataFrame(both, columns=["praise", "blame"]))
    assert named.model_.classes == ("praise", "blame")
    sparse = Classifier(settings=ABLE, threads=1).fit(TEXTS, csr_array(both))
    for other in (named, sparse):
        assert (other.predict_proba(NEW) == estimator.predict_proba(NEW)).all()


def test_a_single_column_of_targets_is_taken_with_a_warning():
    for estimator in (Classifier(settings=TINY, threads=1), Regressor(settings=TINY, threads=1)):
        with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
            estimator.fit(TEXTS, np.array([0, 1] * 15)[:, None])
        assert estimator.predict(NEW).shape == (4,)


NO_CLASSES = {
    "none": (None, "Classifier requires y to be passed, but the target y is None"),
    "too few": (ANSWERS[1:], "as many targets in y as texts in X, got 30 texts and 29 targets"),
    "one class": (["a"] * 30, "y: expected two classes or more, got 1 class, 'a', in 30 texts"),
    "one of a class": (
        [*ANSWERS[1:], "odd"],
        "expected at least 2 texts of every class, one to train and one to validate on, got 1 of "
        "'odd'",
    ),
    "a missing one": (
        [*ANSWERS[1:], None],
        "expected a class for every text, got none at index 29",
    ),
    "pandas' missing one": (
        pd.Series(["a"] * 15 + ["b"] * 14 + [None], dtype="category"),
        "expected a class for every text, got none at index 29",
    ),
    "not a number": ([0.0, 1.0] * 14 + [0.0, np.nan], "got none at index 29"),
    "infinite": (np.array([0, 1] * 14 + [0, np.inf]), "Input y contains infinity"),
    "two types": ([*ANSWERS[1:], 1], "y: expected classes of one type, got str and int"),
    "numbers": (np.linspace(0, 1, 30), "Unknown label type: continuous"),
    "several classes": (
        np.array([[1, 2], [0, 1]] * 15),
        "or 0 and 1 for every label, got an array of shape (30, 2) with other values; fit an",
    ),
}


@pytest.mark.parametrize(("y", "message"), NO_CLASSES.values(), ids=NO_CLASSES)
def test_what_are_no_classes_is_refused(y, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Classifier(settings=TINY).fit(TEXTS, y)
    assert message in str(error.value)


NO_NUMBERS = {
    "none": (None, "Regressor requires y to be passed, but the target y is None"),
    "too few": ([0.5] * 29, "as many targets in y as texts in X, got 30 texts and 29 targets"),
    "one number": (0.5, "y: expected numbers of shape (N,) or (N, k), got shape ()"),
    "a missing one": ([0.5] * 29 + [np.nan], "Input y contains NaN"),
    "infinite": ([0.5] * 29 + [np.inf], "Input y contains infinity"),
    "texts": (["good"] * 30, "dtype='numeric' is not compatible with arrays of bytes/strings"),
    "three dimensions": (np.ones((30, 1, 2)), "Found array with dim 3"),
    "no column": (np.ones((30, 0)), "Found array with 0 feature(s)"),
}


@pytest.mark.parametrize(("y", "message"), NO_NUMBERS.values(), ids=NO_NUMBERS)
def test_what_are_no_numbers_is_refused(y, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Regressor(settings=TINY).fit(TEXTS, y)
    assert message in str(error.value)


def test_too_few_texts_are_refused():
    for estimator in (Classifier(settings=TINY), Regressor(settings=TINY)):
        for texts, got in (([], "none"), (["a"], "1 sample")):
            with pytest.raises(DataError, match=f"X: expected at least 2 texts, .* got {got}$"):
                estimator.fit(texts, [1] * len(texts))
    with pytest.raises(DataError, match="Classifier: expected training texts of which some train"):
        Classifier(settings=TINY).fit(["same"] * 8, [0, 1] * 4)


def test_texts_without_words_are_refused():
    with pytest.raises(DataError, match="Regressor: expected words in the training texts, got non"):
        Regressor(settings=TINY | {"tokens": "keras"}).fit([*"!?.,:;"], [0.5] * 6)


def test_a_validation_part_without_words_is_called_so():
    texts = [f"a text 0-{number}" for number in range(9)] + [" "]  # whose hash lets it validate
    with pytest.raises(DataError, match="Regressor: expected words in the validation texts, got n"):
        Regressor(settings=TINY, threads=1).fit(texts, np.arange(10.0))
