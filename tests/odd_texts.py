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


SCRIPTS = {
    "Chinese": "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u3002",
    "Arabic": "\u0645\u064f\u062d\u0651\u064e \u0641\u0650\u064a\u0644\u0645 \u062c\u0645\u060c",
    "Thai": "\u0e19\u0e49\u0e33\u0e14\u0e37\u0e48\u0e21\u0e2d\u0e23\u0e48\u0e2d\u0e22\u0e21",
    "emoji": "Fine \U0001f44d\U0001f3fd, \U0001f469\u200d\U0001f680 d'accord \u2764\ufe0f!",
    "Hindi": "\u0939\u093f\u0928\u094d\u0926\u0940 \u092b\u093c\u093f\u0932\u094d\u092e",
}  # fmt: skip
"""A text of each: without blanks between words, with marks on letters, of symbols."""


def nasty_texts(count):
    draw = random.Random(20)
    return ["".join(draw.choices(NASTY, k=draw.randrange(40))) for _ in range(count)]
