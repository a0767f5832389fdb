"""Errors that say no more than that the machine, or a number, has an end."""

from tidegate.memory import is_out_of_memory


def explain(error: BaseException) -> str | None:
    """What the user can do about it; None where the error is another."""
    reason = str(error).partition("\n")[0] or type(error).__name__
    if is_out_of_memory(error):
        return (
            f"memory: expected as much as this takes, got: {reason}; begin again with a lower "
            "batch_size, max_length, hidden_size, embedding_dim or vocabulary_size (--set "
            "KEY=VALUE), or free some memory and go on with --resume"
        )
    if isinstance(error, OverflowError):
        return (
            f"numbers: expected such as the machine can count with, got: {reason}; lower the "
            "largest of the values that were given"
        )
    return None
