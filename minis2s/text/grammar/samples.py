"""What a reader can check: a table of samples, and one of what is held out.

Both lie under data/, where a person has read them; a test compares them with what the
grammars make now.
"""

from collections.abc import Callable, Sequence

from minis2s.text.grammar.engine import Example
from minis2s.text.grammar.splits import find_grammar, make_examples

N_SAMPLES = 20
HEADER = ("rule", "held out", "source", "target", "links")


def samples(name: str) -> list[Example]:
    """20 training examples of each rule, then 20 of each kind that is held out.

    Raises:
        InputError: if there is no such grammar.
    """
    train, held_out = make_examples(name, "train"), make_examples(name, "held_out")
    grammar = find_grammar(name)
    chosen: list[Example] = []
    for rule in grammar.rules:
        chosen += _first(train, lambda example, rule=rule: example.rule == rule)
    for kind in grammar.held_out:
        chosen += _first(held_out, lambda example, kind=kind: kind in example.held_out)
    return chosen


def _first(
    examples: Sequence[Example], is_wanted: Callable[[Example], bool]
) -> list[Example]:
    return [example for example in examples if is_wanted(example)][:N_SAMPLES]


def samples_table(name: str) -> str:
    """The samples as lines of tab-separated columns; links as in captions-de-en.

    Raises:
        InputError: if there is no such grammar.
    """
    rows = [
        (e.rule, " ".join(e.held_out), e.src, e.tgt, _format_links(e))
        for e in samples(name)
    ]
    return _table([HEADER, *rows])


def _format_links(example: Example) -> str:
    """Sure links as 0-1, those that are only possible as 0?1."""
    sure = set(example.sure)
    return " ".join(
        f"{s}{'-' if (s, t) in sure else '?'}{t}" for s, t in example.possible
    )


def held_out_table(name: str) -> str:
    """Every combination of words that only the split `held_out` shows.

    Raises:
        InputError: if there is no such grammar.
    """
    rows = [
        (kind, *pair)
        for kind, pairs in find_grammar(name).held_out.items()
        for pair in sorted(pairs)
    ]
    return _table([("kind", "first", "second"), *rows])


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)
