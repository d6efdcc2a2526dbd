"""Synchronous grammars: thousands of sentence pairs whose alignment is known.

`engine.py` says how both sides of a pair grow from one derivation, `german.py` and
`english.py` how a language forms its words and clauses, `de_en.py` and `zh_en.py` what
is said, and `splits.py` which sentences a model may see.
"""

from minis2s.text.grammar.engine import Example, Grammar
from minis2s.text.grammar.splits import (
    GRAMMARS,
    SPLIT_SIZES,
    make_examples,
)

__all__ = [
    "GRAMMARS",
    "SPLIT_SIZES",
    "Example",
    "Grammar",
    "make_examples",
]
