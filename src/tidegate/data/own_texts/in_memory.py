"""Labelled texts of the user's that are in memory, as a data set without a test part."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.dataset import Split, TextDataset
from tidegate.data.prepared import num_trained_on
from tidegate.data.split import hash_of, same_text, split_by_hash, strata_of
from tidegate.task import Task


def in_memory(
    name: str,
    texts: Sequence[str],
    targets: NDArray[Any],
    task: Task,
    *,
    validation_share: float,
) -> TextDataset:
    """Order texts as those of files are, and hold none of them out for a test.

    The validation part is chosen by hashes of the texts, class by class, with copies of a text kept
    together; it stands in for the test part.

    Args:
        name: For messages.
        texts: At least two, in any order.
        targets: As ``task`` describes.
        validation_share: Of the recipe.

    Raises:
        DataError: Too few texts for both a training and a validation part.
    """
    keys = np.array([hash_of(same_text(text)) for text in texts], np.uint64)
    order = split_by_hash(keys, strata_of(targets, task.has_one_class), 0.0)
    rows = Split([texts[row] for row in order.train.tolist()], targets[order.train])
    dataset = TextDataset(
        name=name,
        source=f"{len(rows):,} texts in memory",
        train=rows,
        test=rows,
        task=task,
        units=order.units,
        test_is_validation=True,
    )
    start = num_trained_on(dataset, validation_share, None)
    return replace(dataset, test=Split(rows.texts[start:], rows.labels[start:]))
