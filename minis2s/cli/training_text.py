"""The text that `minis2s train` learns from: read, looked through, cut in two."""

from pathlib import Path

from minis2s.cli.options import logger
from minis2s.config import InputError
from minis2s.text import corpora, quality, tasks
from minis2s.text.corpora import ParallelText

Files = tuple[Path | None, Path | None]

MANY_FOREIGN = 0.1
"""Share of pairs, foreign on either side, from which the flags are doubted."""


def training_text(
    corpus: str, train: Files, valid: Files, src: str, tgt: str, *, clean: bool
) -> tuple[ParallelText, ParallelText, dict[str, int] | None]:
    """Training and validation pairs, from wherever the flags say.

    What is odd about the training pairs is said; a generated task has no oddity.

    Returns:
        both texts, and how many pairs were dropped, by kind, or None without `clean`.

    Raises:
        InputError: if the flags do not go together, or a text cannot be had.
    """
    _check_flags(corpus, train, valid, src, tgt, clean)
    is_file = not corpus or corpus.endswith((".tsv", ".tsv.gz"))
    if is_file:
        text = (
            corpora.read_tsv(Path(corpus)) if corpus else corpora.read_aligned(*train)
        )
        held_out = corpora.read_aligned(*valid) if valid[0] else None
    else:
        text, held_out = (
            corpora.load(corpus, part, src, tgt) for part in ("train", "valid")
        )
    for note in {text.note, held_out.note if held_out else ""} - {""}:
        logger.info(note)
    n_dropped = None
    if corpus not in tasks.TASKS:
        unit = "line" if is_file else "pair"
        text, n_dropped = _look_through(text, held_out, src, tgt, unit, clean)
    if held_out is None:
        text, held_out = _set_aside(text)
    return text, held_out, n_dropped


def _check_flags(
    corpus: str, train: Files, valid: Files, src: str, tgt: str, clean: bool
) -> None:
    for name, pair in (("train", train), ("valid", valid)):
        if (pair[0] is None) != (pair[1] is None):
            raise InputError(f"--{name}-src and --{name}-tgt go together")
    if bool(corpus) == bool(train[0]):
        raise InputError("give either --corpus, or --train-src and --train-tgt")
    _check_languages(corpus, src, tgt)
    if clean and corpus in tasks.TASKS:
        raise InputError(
            f"--clean is for text that people wrote, which {corpus} is not"
        )
    if corpus and not corpus.endswith((".tsv", ".tsv.gz")) and valid[0]:
        raise InputError(f"{corpus} has its own validation split")


def _check_languages(corpus: str, src: str, tgt: str) -> None:
    if corpus not in tasks.TASKS and not (src and tgt):
        raise InputError(
            "--src and --tgt must name the languages, e.g. --src de --tgt en"
        )
    for flag, code in (("--src", src), ("--tgt", tgt)):
        if code and not (code.isascii() and code.replace("-", "").isalnum()):
            raise InputError(f"{flag} must be a language code such as de, got {code!r}")


def _look_through(
    text: ParallelText,
    held_out: ParallelText | None,
    src: str,
    tgt: str,
    unit: str,
    clean: bool,
) -> tuple[ParallelText, dict[str, int] | None]:
    """Say what is odd about a training text, and drop some of it if `clean`."""
    found = quality.find_oddities(text, src, tgt)
    if held_out:
        found["leaked"] = quality.find_leaks(text, held_out)
    for sentence in quality.describe(found, len(text), src, tgt, unit):
        logger.info(sentence)
    n_foreign = min(len(found["foreign_src"]), len(found["foreign_tgt"]))
    if n_foreign > MANY_FOREIGN * len(text):
        logger.info("are --src %s and --tgt %s the right way round?", src, tgt)
    if clean:
        text, n_dropped = quality.drop_pairs(text, found)
        counts = ", ".join(f"{n} {name}" for name, n in n_dropped.items())
        logger.info("left out by --clean: %s", counts)
        return text, n_dropped
    if any(len(found.get(name, ())) for name in quality.DROPPED):
        names = ", ".join(quality.DROPPED)
        logger.info("all are kept; --clean would leave out what is %s", names)
    return text, None


def _set_aside(text: ParallelText) -> tuple[ParallelText, ParallelText]:
    """Training and validation text, of pairs that came without the latter."""
    parts = corpora.split_pairs(text, {"valid": 0.02, "train": 0.98})
    if not (len(parts["valid"]) and len(parts["train"])):
        raise InputError(
            f"too few pairs ({len(text)}) to cut a validation split from; give "
            f"--valid-src and --valid-tgt"
        )
    logger.info(
        "no validation text given: %d of %d pairs were set aside for it",
        len(parts["valid"]),
        len(text),
    )
    return parts["train"], parts["valid"]
