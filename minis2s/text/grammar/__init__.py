"""Synchronous grammars: thousands of sentence pairs whose alignment is known.

`engine.py` says how both sides of a pair grow from one derivation, `german.py` and
`english.py` how a language forms its words and clauses; `de_en` and `zh_en` hold the
words and the rules, `splits.py` says which sentences a model may see, and `samples.py`
makes the tables under data/ that a person has read.
"""

from minis2s.text.grammar.engine import Example, Grammar
from minis2s.text.grammar.samples import held_out_table, samples, samples_table
from minis2s.text.grammar.splits import GRAMMARS, SPLIT_SIZES, make_examples

__all__ = [
    "GRAMMARS",
    "SPLIT_SIZES",
    "Example",
    "Grammar",
    "held_out_table",
    "make_examples",
    "samples",
    "samples_table",
]
