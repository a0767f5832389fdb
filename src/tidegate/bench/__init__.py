"""Benchmarks: peers side by side in one run, checked against a reference before a time counts.

A *case* is a set of *tasks* that are measured together, round by round; a task is one *peer* doing
one piece of work (*variant*). ``runner`` takes a case through checking and timing; ``measure`` and
``statistics`` know nothing of networks; ``results`` is what is kept.
"""
