"""Texts of characters that tokenisation trips over, drawn at random."""

import random

NASTY = [
    *"aZ'9 \t\n\r\x00\x0b\x1c<>/!?.,;:()\"-_`",
    "\xa0",  # a blank for str.split, a letter for Keras
    "\u0130",  # grows when lower-cased
    "\u212a",  # the Kelvin sign: lower-cased, it is the ASCII letter k
    "\u03a3",  # the Greek letter whose lower case depends on what is around it
    "\u1e9e",
    "\u2019",
    "\u0301",
    "e\u0301",
    "\u0939\u093f",
    "\u6f22",
    "\U0001f600",
    "\U00010400",
    "\ufeff",
    "\x85",
    "<br />",
]


def nasty_texts(count):
    draw = random.Random(20)
    return ["".join(draw.choices(NASTY, k=draw.randrange(40))) for _ in range(count)]
