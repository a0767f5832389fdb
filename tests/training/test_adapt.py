"""Values that follow from the texts: what the rule gives for few, many, short and long texts."""

from dataclasses import replace

import pytest

from tidegate.data.text_shape import TextShape
from tidegate.errors import RecipeError
from tidegate.training.adapt import adapt, in_short
from tidegate.training.recipe import load
from tidegate.training.sections import range_of

SNIPPETS = TextShape(6_142, 135_000, 21, 40, 15_000)
REVIEWS = TextShape(18_000, 4_800_000, 196, 700, 80_000)
SURNAMES = TextShape(8_000, 56_000, 7, 11, 400, "multi-class", 27)


def shape(num_texts, length, *, num_distinct=20_000, num_classes=2):
    """Texts of one length."""
    kind = "binary" if num_classes == 2 else "multi-class"
    num_tokens = num_texts * length
    return TextShape(num_texts, num_tokens, length, length, num_distinct, kind, num_classes)


def adapted(of, recipe=None, **arguments):
    """The values that the rule changes."""
    made = adapt(recipe or load("default"), of, **arguments)
    return {key: made.values()[key] for key in made.adapted}


def test_the_reviews_of_imdb_keep_every_value():
    assert adapted(REVIEWS) == {}
    assert adapted(replace(REVIEWS, num_texts=22_500, num_tokens=5_900_000)) == {}
    assert adapted(replace(REVIEWS, num_texts=1_800, num_tokens=430_000)) == {}
    recipe = load("default")
    assert adapt(recipe, REVIEWS) == recipe


def test_a_recipe_that_does_not_ask_for_it_stays():
    for name in ("notebook", "fast", "best", "causal"):
        assert adapt(load(name), SNIPPETS) == load(name)


def test_what_is_given_stays_though_it_is_the_recipes_own_value():
    recipe = load("default").with_values({"training.epochs": 3, "order": 1})
    assert "training.epochs" not in adapted(SNIPPETS, recipe)
    made = adapt(recipe, SNIPPETS)
    assert (made.training.epochs, made.linear_model.order) == (3, 1)
    assert made.training.embedding_update == "lazy"
    assert made.given == ("training.epochs", "linear_model.order")
    assert "pretraining.epochs" not in adapted(SURNAMES, keep=["pretraining.epochs"])


def test_the_values_of_a_file_stay_and_the_others_adapt(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('format = "tidegate.recipe/1"\nbased_on = "default"\n[training]\nepochs = 4\n')
    made = adapt(load(str(own)), SNIPPETS)
    assert (made.training.epochs, made.training.embedding_update) == (4, "lazy")


def test_every_change_has_a_sentence_and_the_recipes_own_value():
    made = adapt(load("default"), SNIPPETS)
    assert made.adapted["training.epochs"] == (
        "6,142 texts of about 21 tokens: 6 epochs instead of 3"
    )
    assert made.adapted["training.embedding_update"] == (
        "6,142 texts of about 21 tokens: lazy updates of embeddings instead of dense"
    )
    assert made.changes().keys() == made.adapted.keys()
    assert made.changes()["training.epochs"] == 3
    assert adapt(made, SNIPPETS).values() == made.values()


LAZY = {"training.embedding_update": "lazy"}
FEW = {
    "linear_model.order": 2,
    "linear_model.min_count": 1,
    "training.embedding_learning_rate": 0.03,
    **LAZY,
}
STREAMS = {"pretraining.streams": 16, "pretraining.steps": 32, "pretraining.learning_rate": 0.005}
TWENTIETH = {"training.validation_share": 0.05}
CHARACTERS = {
    "training.epochs": 12,
    "training.learning_rate": 0.002,
    "training.adversarial_norm": 3.0,
    "network.hidden_size": 128,
    "dropout.word": 0.0,
    "dropout.input": 0.2,
    "pretraining.epochs": 0,
    "linear_model.order": 4,
    "linear_model.min_count": 1,
    "linear_model.C": 10.0,
}
SMALL_BATCHES = {"training.epochs": 20, "training.batch_size": 16}
EXPECTED = {
    "snippets": (SNIPPETS, FEW | STREAMS | TWENTIETH | {"training.epochs": 6}),
    "10,000 snippets": (shape(9_000, 20), FEW | STREAMS | TWENTIETH | {"training.epochs": 6}),
    "300 snippets": (
        shape(270, 20, num_distinct=1_900),
        FEW | SMALL_BATCHES | {"pretraining.epochs": 0},
    ),
    "300 reviews": (shape(270, 230), FEW | SMALL_BATCHES | STREAMS),
    "half a million snippets": (
        shape(450_000, 20),
        LAZY
        | {
            "training.epochs": 2,
            "training.batch_size": 128,
            "pretraining.epochs": 1,
            "linear_model.order": 2,
        },
    ),
    "2,000 long texts": (shape(2_000, 1_500), {"text.max_length": 1_500}),
    "surnames": (SURNAMES, CHARACTERS | TWENTIETH),
    "two texts": (
        shape(2, 20, num_distinct=30),
        FEW | SMALL_BATCHES | {"pretraining.epochs": 0},
    ),
    "one token a text": (
        shape(10_000, 1),
        FEW | TWENTIETH | {"training.epochs": 6, "pretraining.epochs": 0},
    ),
    "five million texts": (
        shape(5_000_000, 20),
        LAZY
        | {
            "training.epochs": 1,
            "training.batch_size": 256,
            "pretraining.epochs": 1,
            "linear_model.order": 0,
        },
    ),
    "20,000 tokens a text": (
        shape(5_000, 20_000),
        {"text.max_length": 1_600, "pretraining.epochs": 1, "linear_model.order": 0},
    ),
    "a hundred classes": (
        shape(10_000, 20, num_classes=100),
        FEW | STREAMS | TWENTIETH | {"training.epochs": 6},
    ),
    "half a million texts of a hundred classes": (
        shape(450_000, 20, num_classes=100),
        LAZY
        | {
            "training.epochs": 2,
            "training.batch_size": 128,
            "pretraining.epochs": 1,
            "linear_model.order": 0,
        },
    ),
}


@pytest.mark.parametrize(("of", "values"), EXPECTED.values(), ids=EXPECTED.keys())
def test_the_values_of_texts_of_many_shapes(of, values):
    assert adapted(of) == values


def test_what_a_recipe_does_without_is_not_added():
    plain = load("default").with_values(
        {"pretraining.epochs": 0, "linear_model.order": 0, "adversarial_norm": 0}
    )
    for of in (SNIPPETS, SURNAMES, shape(450_000, 20)):
        made = adapt(replace(plain, given=()), of)
        assert (made.pretraining, made.linear_model) == (plain.pretraining, plain.linear_model)
        assert made.training.adversarial_norm == 0


def test_the_adam_of_keras_keeps_its_dense_updates():
    recipe = load("default").with_values({"optimiser": "keras-adam"})
    assert adapt(recipe, SNIPPETS).training.embedding_update == "dense"


EXTREMES = {
    "no tokens": TextShape(10, 0, 0, 0, 0),
    **{name: of for name, (of, _) in EXPECTED.items()},
}


@pytest.mark.parametrize("of", EXTREMES.values(), ids=EXTREMES.keys())
def test_every_value_is_one_that_a_recipe_may_have(of):
    made = adapt(load("default"), of)
    made.check()
    for key, sentence in made.adapted.items():
        assert made.values()[key] in (range_of(key) or [made.values()[key]])
        assert sentence.count(":") == 1


@pytest.mark.parametrize("place", ["given", "adapted"])
def test_unknown_keys_are_refused(place):
    value = ("training.eppochs",) if place == "given" else {"training.eppochs": "few texts"}
    with pytest.raises(RecipeError, match=r"expected given and adapted keys.*eppochs"):
        replace(load("default"), **{place: value}).check()


def test_reasons_name_the_texts_once():
    reasons = {"a": "5 texts of about 2 tokens: 7 epochs instead of 3"}
    reasons["b"] = "5 texts of about 2 tokens: no language model instead of 3 epochs"
    assert in_short(reasons) == (
        "5 texts of about 2 tokens: 7 epochs instead of 3, no language model instead of 3 epochs"
    )
    assert in_short({}) == ""
