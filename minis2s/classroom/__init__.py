"""Checks that teach: each judges a learner's own answer and says what it saw.

A check takes the answer, returns a report if it is right, and raises AssertionError
with a short message if it is not. `hint=1` adds the idea, `hint=2` almost the code.

The exercises of lesson NN are in lessonNN; exercise.py says how to write one more, and
README.md, which `python -m minis2s.classroom` writes, what their checks know.
"""

from minis2s.classroom.attention import check_attention
from minis2s.classroom.attention_probes import attention_probe

__all__ = ["attention_probe", "check_attention"]
