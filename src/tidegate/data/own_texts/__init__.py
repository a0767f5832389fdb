"""The user's own files of labelled texts: which columns, which task, which rows train and test."""

from tidegate.data.own_texts.load import OwnTexts, load, load_labelled, name_of

__all__ = ["OwnTexts", "load", "load_labelled", "name_of"]
