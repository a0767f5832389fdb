"""N-grams of ids and the classifier on them, against dictionaries and formulas."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from tidegate.data.ngrams import NgramIndex, _order
from tidegate.data.ragged import Ragged
from tidegate.errors import FormatError
from tidegate.inference.ngrams import NgramClassifier
from tidegate.model.ngrams import fit_ngrams


def sets_of_ngrams(rows, max_order):
    """For every row the set of its n-grams, as tuples."""
    return [
        {
            tuple(row[start : start + order])
            for order in range(1, max_order + 1)
            for start in range(len(row) - order + 1)
        }
        for row in rows
    ]


def ngrams_of(index):
    """The n-gram of every column, as a tuple."""
    ids = index.codes[0]
    shorter = [(int(one),) for one in ids]
    columns = [*shorter]
    for codes in index.codes[1:]:
        shorter = [(*shorter[code // len(ids)], int(ids[code % len(ids)])) for code in codes]
        columns += shorter
    return columns


def random_rows(seed, num_rows, num_ids, longest=12):
    random = np.random.default_rng(seed)
    # Squared, for a few ids to be frequent; the ids have gaps, and 0 among them.
    return [
        (7 * (num_ids * random.random(length) ** 2).astype(int)).tolist()
        for length in random.integers(0, longest, num_rows)
    ]


def entries(ragged):
    return [ragged[row].tolist() for row in range(len(ragged))]


@pytest.mark.parametrize("max_order", [1, 2, 3, 4])
@pytest.mark.parametrize("min_count", [1, 2, 4])
@pytest.mark.parametrize("num_ids", [3, 20])
def test_an_index_has_the_ngrams_that_dictionaries_count(max_order, min_count, num_ids):
    rows = random_rows(1, 60, num_ids)
    index, columns = NgramIndex.build(
        Ragged.from_rows(rows), max_order=max_order, min_count=min_count
    )
    sets = sets_of_ngrams(rows, max_order)
    counts = Counter(ngram for one in sets for ngram in one)
    names = ngrams_of(index)
    assert sorted(names) == sorted(name for name, count in counts.items() if count >= min_count)
    assert entries(columns) == [
        [row for row, one in enumerate(sets) if name in one] for name in names
    ]


@pytest.mark.parametrize("min_count", [1, 3])
def test_an_index_finds_its_ngrams_elsewhere_and_passes_others_over(min_count):
    index, _ = NgramIndex.build(
        Ragged.from_rows(random_rows(1, 60, 12)), max_order=3, min_count=min_count
    )
    others = random_rows(2, 40, 15)
    assert max(map(max, filter(None, others))) > index.codes[0][-1]
    names = ngrams_of(index)
    assert entries(index.find(Ragged.from_rows(others))) == [
        [column for column, name in enumerate(names) if name in one]
        for one in sets_of_ngrams(others, 3)
    ]


def test_ngrams_do_not_reach_over_the_end_of_a_text():
    texts = Ragged.from_rows([[1, 2], [3], [], [4, 5]])
    index, _ = NgramIndex.build(texts, max_order=3, min_count=1)
    assert ngrams_of(index) == [(1,), (2,), (3,), (4,), (5,), (1, 2), (4, 5)]
    one, _ = NgramIndex.build(Ragged.from_rows([[1, 2, 3]]), max_order=3, min_count=1)
    assert entries(one.find(Ragged.from_rows([[1, 2], [3], [1], [2, 3, 1]]))) == [
        [0, 1, 3],
        [2],
        [0],
        [0, 1, 2, 4],
    ]


def test_a_window_of_a_larger_list_is_read_where_its_offsets_say():
    rows = random_rows(3, 20, 6)
    whole = Ragged.from_rows(rows)
    window = Ragged(whole.values, whole.offsets[5:16])
    alone = Ragged.from_rows(rows[5:15])
    (index, columns), (expected, expected_columns) = (
        NgramIndex.build(one, max_order=3, min_count=1) for one in (window, alone)
    )
    assert ngrams_of(index) == ngrams_of(expected)
    assert entries(columns) == entries(expected_columns)
    assert entries(index.find(window)) == entries(index.find(alone))


@pytest.mark.parametrize("largest", [5, 2**40, 2**63 - 1])
def test_equal_codes_keep_their_order_when_sorted(largest):
    random = np.random.default_rng(4)
    codes = random.choice(random.integers(0, largest, 50, endpoint=True), 300)
    codes[7] = largest
    assert np.array_equal(_order(codes), np.argsort(codes, kind="stable"))


def test_texts_without_words_have_no_ngrams():
    for texts in (Ragged.from_rows([]), Ragged.from_rows([[], []])):
        index, columns = NgramIndex.build(texts, max_order=3, min_count=1)
        assert (index.num_ngrams, len(columns)) == (0, 0)
        assert len(index.find(texts)) == len(texts)
        assert entries(index.find(Ragged.from_rows([[1, 2]]))) == [[]]


@pytest.mark.parametrize("arguments", [(0, 1), (1, 0)])
def test_an_index_of_nothing_is_refused(arguments):
    with pytest.raises(ValueError, match="expected max_order and min_count of at least 1, got"):
        NgramIndex.build(Ragged.from_rows([[1]]), max_order=arguments[0], min_count=arguments[1])


def test_an_id_below_0_is_refused():
    with pytest.raises(ValueError, match="expected ids from 0 on, got -2"):
        NgramIndex.build(Ragged.from_rows([[1, -2]]), max_order=1, min_count=1)


def labelled(num_classes, num_rows=90, seed=5):
    """Rows in which a class says its own id more often than others do."""
    random = np.random.default_rng(seed)
    labels = np.arange(num_rows) % num_classes
    rows = [
        np.where(random.random(8) < 0.3, label, random.integers(0, 9, 8)).tolist()
        for label in labels
    ]
    return Ragged.from_rows(rows), labels, rows


def regression_by_hand(rows, is_positive, *, max_order, min_count, C, alpha):
    """The same classifier with dense features and Newton's method; a logit for every row."""
    sets = sets_of_ngrams(rows, max_order)
    counts = Counter(ngram for one in sets for ngram in one)
    names = sorted(name for name, count in counts.items() if count >= min_count)
    features = np.array([[float(name in one) for name in names] for one in sets])
    p = alpha + features[is_positive].sum(axis=0)
    q = alpha + features[~is_positive].sum(axis=0)
    features *= np.log((p / p.sum()) / (q / q.sum()))
    features /= np.sqrt(np.sum(features**2, axis=1, keepdims=True))
    # liblinear treats the intercept as one more coefficient, of a feature that is always 1.
    features = np.c_[features, np.ones(len(rows))]
    weights = np.zeros(features.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-features @ weights))
        gradient = weights + C * features.T @ (chance - is_positive)
        hessian = np.eye(len(weights)) + C * (features.T * (chance * (1 - chance))) @ features
        weights -= np.linalg.solve(hessian, gradient)
    return features @ weights


SETTINGS = {"max_order": 2, "min_count": 3, "C": 3.0, "alpha": 0.5}


def test_two_classes_have_the_logits_of_the_formula():
    texts, labels, rows = labelled(2)
    logits = fit_ngrams(texts, labels, **SETTINGS).decision_function(texts)
    expected = regression_by_hand(rows, labels == 1, **SETTINGS)
    # The solver stops at a tolerance of 1e-4; the worst seen in 12 such problems is 3.1e-5.
    np.testing.assert_allclose(logits[:, 0], expected, atol=2e-4)
    assert np.ptp(expected) > 4


def test_several_classes_have_the_logits_of_each_against_the_rest():
    texts, labels, rows = labelled(3)
    logits = fit_ngrams(texts, labels, **SETTINGS).decision_function(texts)
    expected = [regression_by_hand(rows, labels == one, **SETTINGS) for one in range(3)]
    np.testing.assert_allclose(logits, np.transpose(expected), atol=2e-4)
    new, new_labels, _ = labelled(3, seed=6)
    found = fit_ngrams(texts, labels).decision_function(new).argmax(axis=1)
    assert np.mean(found == new_labels) > 0.7


@pytest.mark.parametrize("num_classes", [2, 3])
def test_logits_do_not_depend_on_the_other_texts(num_classes):
    texts, labels, rows = labelled(num_classes)
    classifier = fit_ngrams(texts, labels)
    together = classifier.decision_function(texts)
    for row in (0, 41, 89):
        alone = classifier.decision_function(Ragged.from_rows([rows[row]]))
        assert np.array_equal(alone[0], together[row])
    assert classifier.decision_function(Ragged.from_rows([])).shape == together[:0].shape


def test_a_text_of_unseen_ngrams_has_the_intercept():
    texts, labels, _ = labelled(2)
    classifier = fit_ngrams(texts, labels)
    assert (
        classifier.decision_function(Ragged.from_rows([[77, 78], []])).tolist()
        == [classifier.intercepts[0]] * 2
    )


@pytest.mark.parametrize("num_classes", [2, 3])
def test_arrays_bring_back_the_same_bits(num_classes):
    texts, labels, _ = labelled(num_classes)
    classifier = fit_ngrams(texts, labels)
    arrays = classifier.to_arrays()
    assert {name: array.dtype.name for name, array in arrays.items()} == {
        "codes_1": "int64",
        "codes_2": "int64",
        "codes_3": "int64",
        "ratios": "float32",
        "coefficients": "float32",
        "intercepts": "float32",
    }
    again = NgramClassifier.from_arrays(arrays).decision_function(texts)
    assert np.array_equal(again, classifier.decision_function(texts))
    repeated = fit_ngrams(texts, labels).to_arrays()
    assert all(np.array_equal(repeated[name], array) for name, array in arrays.items())


def test_arrays_of_something_else_are_refused():
    arrays = fit_ngrams(*labelled(2)[:2]).to_arrays()
    without = {name: array for name, array in arrays.items() if name != "codes_2"}
    with pytest.raises(FormatError, match="expected arrays codes_1, codes_2 and so on"):
        NgramClassifier.from_arrays(without)
    with pytest.raises(FormatError, match=r"of shape .* and \(1, 5\)"):
        NgramClassifier.from_arrays(arrays | {"coefficients": arrays["coefficients"][:, :5]})


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1], {}, r"labels of shape \(N,\) = \(3,\), got \(2,\)"),
        ([1, 1, 1], {}, r"two classes or more.*got labels \[1\]"),
        ([0, 2, 2], {}, r"counted from 0.*got labels \[0, 2\]"),
        ([0, 1, 1], {"alpha": 0.0}, "alpha and C above 0, got 0.0 and"),
        ([0, 1, 1], {"C": -1.0}, "alpha and C above 0, got .* and -1.0"),
        ([0, 1, 1], {"min_count": 4}, "at least min_count = 4 .* got none in 3 sequences"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(labels, options, message):
    texts = Ragged.from_rows([[1], [2], [1]])
    with pytest.raises(ValueError, match=message):
        fit_ngrams(texts, np.array(labels), **{"min_count": 1} | options)


def test_neither_training_nor_blending_needs_pytorch():
    code = (
        "import sys, tidegate.model.ngrams, tidegate.evaluation.blend\n"
        "import tidegate.evaluation.intervals\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
