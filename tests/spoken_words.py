"""A small corpus of words spoken by espeak-ng: synthetic speech, which no figure may rest on.

It shows that recordings go the whole way from files to answers, not how well people are understood.
"""

import csv
import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

WORDS = ("yes", "no", "seven", "window")
VOICES = ("en+m1", "en+m3", "en+f2", "en+f4")
SPEEDS_AND_PITCHES = ((120, 35), (160, 50), (200, 70))
"""Words a minute, and pitch from 0 to 99."""
RATE = 22_050
"""What espeak-ng writes, in Hz."""


def speak(folder: Path, words=WORDS) -> Path:
    """Speak every word by every voice, at every speed and pitch; skips where espeak-ng is missing.

    Returns:
        A table, ``words.csv``, with the columns path, word, and voice.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng, which speaks the words, is not installed")
    rows = []
    for word, voice, (speed, pitch) in itertools.product(words, VOICES, SPEEDS_AND_PITCHES):
        path = folder / "spoken" / f"{word}-{voice.replace('+', '-')}-{speed}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        options = ["-v", voice, "-s", str(speed), "-p", str(pitch), "-w", str(path)]
        subprocess.run([program, *options, word], check=True, capture_output=True)
        rows.append((str(path.relative_to(folder)), word, voice))
    table = folder / "words.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "word", "voice"), *rows])
    return table
