"""The user's own files of labelled texts: which columns, which task, which rows train and test."""

from tidegate.data.own_texts.load import load, load_labelled, name_of
from tidegate.data.own_texts.options import OwnTexts

__all__ = ["OwnTexts", "load", "load_labelled", "name_of"]
