"""Which sentences a model may train on, and which combinations it never sees."""

from functools import lru_cache

import numpy as np

from minis2s.config import InputError
from minis2s.text.grammar import de_en, zh_en
from minis2s.text.grammar.engine import Example, Grammar

GRAMMARS = {"grammar-de-en": de_en.GRAMMAR, "grammar-zh-en": zh_en.GRAMMAR}
SPLIT_SIZES = {"train": 10_000, "valid": 500, "test": 1_000, "held_out": 1_000}


def make_examples(name: str, split: str, seed: int = 0) -> tuple[Example, ...]:
    """All examples of one split of a grammar; no sentence of either side occurs twice.

    Every example of `held_out` holds a combination of words that occurs in no other
    split, although each of the words does.

    Args:
        name: a key of `GRAMMARS`.
        split: a key of `SPLIT_SIZES`.
        seed: another seed gives another draw of all splits; what is held out stays.

    Raises:
        InputError: if there is no such grammar or split.
    """
    find_grammar(name)
    if split not in SPLIT_SIZES:
        known = ", ".join(SPLIT_SIZES)
        raise InputError(f"unknown split {split!r}; there are {known}")
    return _make_all(name, seed)[split]


def find_grammar(name: str) -> Grammar:
    """A grammar by name.

    Raises:
        InputError: if there is no such grammar.
    """
    if name not in GRAMMARS:
        raise InputError(f"unknown grammar {name!r}; there are {', '.join(GRAMMARS)}")
    return GRAMMARS[name]


@lru_cache(maxsize=4)
def _make_all(name: str, seed: int) -> dict[str, tuple[Example, ...]]:
    grammar, rng = GRAMMARS[name], np.random.default_rng(seed)
    seen: set[str] = set()
    # The small ones first: they stay as they are if the training text is to grow.
    return {
        split: _draw(grammar, split, seen, rng)
        for split in ("test", "valid", "held_out", "train")
    }


def _draw(
    grammar: Grammar, split: str, seen: set[str], rng: np.random.Generator
) -> tuple[Example, ...]:
    """Distinct examples of a split; their sentences are added to `seen`."""
    kinds, drawn = list(grammar.held_out), []
    while len(drawn) < SPLIT_SIZES[split]:
        derived = grammar.derive(rng)
        if split == "held_out":  # every kind in turn
            is_wanted = kinds[len(drawn) % len(kinds)] in derived.held_out
        else:
            is_wanted = not derived.held_out
        if is_wanted and seen.isdisjoint(sentences := derived.sentences()):
            seen.update(sentences)
            drawn.append(derived.example())
    return tuple(drawn)
