"""Run by a test: write a corpus and go through it twice, with less memory than it has bytes.

The limit is on what a process has for data of its own; the pages of a file's map are the
system's, which takes them back when it needs them.
"""

import json
import random
import resource
import sys
from pathlib import Path

import numpy as np

from tidegate.data.batches import epoch_batches, make_batch
from tidegate.data.corpus import write_corpus
from tidegate.data.tokenise import split
from tidegate.data.vocabulary import Vocabulary

ALLOWED_BYTES = 16 << 20


def chunks(number=110):
    """Texts of 80,000 words in all a chunk."""
    draw = random.Random(0)
    words = [f"word{number}" for number in range(5_000)]
    texts = [" ".join(draw.choices(words, k=draw.randrange(50, 350))) for _ in range(400)]
    for _ in range(number):
        draw.shuffle(texts)
        yield texts


def data_bytes():
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmData:")[2].split()[0])


def through(corpus, epoch):
    total, first = 0, None
    for rows in epoch_batches(corpus.sequences.lengths(), 64, seed=0, epoch=epoch):
        batch = make_batch(corpus.sequences, rows)
        first = batch.ids.tolist() if first is None else first
        total += int(batch.ids.sum())
    return total, first


Vocabulary.build(split(chunk) for chunk in chunks(1))  # what libraries set up, they have set up
limit = data_bytes() + ALLOWED_BYTES
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
vocabulary = Vocabulary.build(split(chunk) for chunk in chunks())
corpus = write_corpus(Path(sys.argv[1]), chunks(), vocabulary)
sums, firsts = zip(*(through(corpus, epoch) for epoch in range(2)), strict=True)
try:
    np.array(corpus.sequences.values)
    whole = "it fits"
except MemoryError:
    whole = "MemoryError"
print(
    json.dumps({"allowed_bytes": ALLOWED_BYTES, "sums": sums, "first": firsts[0], "whole": whole})
)
