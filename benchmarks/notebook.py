"""The notebook's whole training step, for all cells and peers side by side."""

from tidegate.bench import options, session, tables, texts
from tidegate.bench.cases import notebook

NUM_BATCHES = 128


@options.common("notebook", has_peers=True)
def main(chosen: session.Options) -> None:
    """Time the notebook's whole training step.

    Embedding of 10,000 x 128, a layer of 128 units, Dense(1), binary cross-entropy, backward, Adam;
    batches of 32 reviews, the last 200 tokens of each, zeros in front that the network reads.
    """
    batches = texts.notebook_batches(NUM_BATCHES)
    results = session.run(
        "notebook", lambda workers: [notebook.case(chosen.cells, batches, workers)], chosen
    )
    tables.show(results)


if __name__ == "__main__":
    main()
