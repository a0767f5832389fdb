"""Surnames by language, out of the package mimesis: what `own_texts.py` reads of them."""

import hashlib
import json
from collections import Counter
from importlib import util
from pathlib import Path

import click

PACKAGE = "mimesis"
MOST_PER_LANGUAGE = 500
"""Of 27 languages a few have several thousand surnames, most some hundreds."""
LANGUAGES = {
    "Arabic": "ar ar-ae ar-dz ar-eg ar-jo ar-kw ar-ma ar-om ar-qa ar-sa ar-sy ar-tn ar-ye",
    "Chinese": "zh",
    "Croatian": "hr",
    "Czech": "cs",
    "Danish": "da",
    "Dutch": "nl nl-be",
    "English": "en en-au en-ca en-gb",
    "Estonian": "et",
    "Finnish": "fi",
    "French": "fr",
    "German": "de de-at de-ch",
    "Greek": "el",
    "Hungarian": "hu",
    "Icelandic": "is",
    "Italian": "it",
    "Japanese": "ja",
    "Kazakh": "kk",
    "Korean": "ko",
    "Norwegian": "no",
    "Persian": "fa",
    "Polish": "pl",
    "Portuguese": "pt pt-br",
    "Russian": "ru",
    "Spanish": "es es-mx",
    "Swedish": "sv",
    "Turkish": "tr",
    "Ukrainian": "uk",
}
"""Its locales by language; az and sk have too few names (26 and 20)."""


def load() -> tuple[list[str], list[int], tuple[str, ...]]:
    """Surnames, each once, the number of the language of each, and the languages' names.

    A name that several languages have is left out, for it has no right answer. Of a language with
    more than :data:`MOST_PER_LANGUAGE`, those with the smallest SHA-256 are taken.
    """
    spec = util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise click.ClickException(
            f"expected the package {PACKAGE}, got none: pip install 'tidegate[surnames]'"
        )
    datasets = Path(spec.origin).parent / "datasets"
    names = {
        language: {name for locale in locales.split() for name in _surnames(datasets / locale)}
        for language, locales in LANGUAGES.items()
    }
    times = Counter(name for some in names.values() for name in some)
    texts: list[str] = []
    labels: list[int] = []
    for number, some in enumerate(names.values()):
        own = sorted((name for name in some if times[name] == 1), key=_sum_of)
        texts += own[:MOST_PER_LANGUAGE]
        labels += [number] * len(own[:MOST_PER_LANGUAGE])
    return texts, labels, (*LANGUAGES,)


def _surnames(folder: Path) -> set[str]:
    content = json.loads((folder / "person.json").read_text(encoding="utf-8"))["surnames"]
    lists = content.values() if isinstance(content, dict) else [content]
    return {" ".join(name.split()).lower() for some in lists for name in some}


def _sum_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
