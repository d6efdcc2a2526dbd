"""The arrays on which an implementation of attention is tried.

A fault shows only where it has a chance to: a forgotten mask needs padding, a fill of
-5 real scores that are lower, exp without a maximum scores that are large. So there
are seven kinds, two of each, with sizes that are distinct primes. `PROBES` lists them
in the order in which they are tried.

Left out: what is to come out of them, which the package's own attention says.
"""

import math
from typing import NamedTuple

import numpy as np

PROBES = {
    "ordinary": "two sentences, the second one padded",
    "per_query": "each query has a mask of its own",
    "low": "all real scores lie near -30, those of padding near 0",
    "high": "scores near 1000 in sentence 0, near -300 in sentence 1",
    "far": "all real scores lie near -20000, those of padding near 0",
    "empty": "one query may attend to nothing",
    "unseen": "new sentences, new sizes, new masks, drawn at each call",
}
SIZES = (  # batch, tgt_len, src_len, d_head, d_value; the first probe and its sibling
    (2, 3, 5, 7, 11),
    (2, 3, 13, 7, 17),
)


class Probe(NamedTuple):
    """The four arguments of attention."""

    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    mask: np.ndarray


def attention_probe(name: str = "ordinary", sibling: int = 0) -> Probe:
    """The arrays that check_attention speaks of, for looking at them oneself.

    Args:
        name: a key of PROBES; "unseen" has no arrays that could be shown.
        sibling: 0 for the first of its kind, 1 for the longer one.

    Returns:
        query, key, value, mask: the same ones at every call.

    Raises:
        ValueError: if there is no such probe.

    >>> query, key, value, mask = attention_probe("ordinary")
    >>> mask[1, 0]
    array([ True,  True,  True, False, False])
    """
    if name not in PROBES or name == "unseen" or sibling not in (0, 1):
        known = ", ".join(key for key in PROBES if key != "unseen")
        raise ValueError(
            f"attention_probe: want one of {known}, and 0 or 1; "
            f"got {name!r}, {sibling!r}"
        )
    rng = np.random.default_rng([list(PROBES).index(name), sibling])
    probe = _draw(rng, SIZES[sibling])
    if name == "per_query":
        return probe._replace(mask=_ragged_rows(rng, probe.mask.shape))
    if name == "empty":
        probe.mask[0, 1] = False
    real = probe.mask.any(axis=1)
    levels = {
        "low": np.where(real, -30.0, 0.0),
        "high": np.where([[True], [False]], 1000.0, -300.0),
        "far": np.where(real, -20000.0, 0.0),
    }
    if name in levels:
        _raise_scores(probe, levels[name])
    return probe


def unseen_probe(rng: np.random.Generator) -> Probe:
    """A probe that nobody can have learned by heart.

    Args:
        rng: draws sizes, masks and numbers.

    Returns:
        query, key, value, mask.
    """
    # Sizes that no other probe has in that place; sentences long enough to compete.
    batch, tgt_len = rng.permutation([3, 5])
    src_len, d_head, d_value = rng.permutation([11, 19, 23])
    sizes = (batch, tgt_len, src_len, d_head, d_value)
    probe = _draw(rng, tuple(int(size) for size in sizes))
    return probe._replace(mask=_ragged_rows(rng, probe.mask.shape))


def _draw(rng: np.random.Generator, sizes: tuple[int, ...]) -> Probe:
    """Unit normal arrays; all sentences but the first are padded."""
    batch, tgt_len, src_len, d_head, d_value = sizes
    src_lengths = np.full((batch, 1, 1), max(1, src_len * 2 // 3))
    src_lengths[0] = src_len
    mask = np.arange(src_len) < src_lengths  # (batch, 1, src_len)
    return Probe(
        query=rng.normal(size=(batch, tgt_len, d_head)),
        key=rng.normal(size=(batch, src_len, d_head)),
        value=rng.normal(size=(batch, src_len, d_value)),
        mask=np.repeat(mask, tgt_len, axis=1),
    )


def _ragged_rows(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """A mask in which every query sees some positions, and neighbours differ."""
    batch, tgt_len, src_len = shape
    mask = rng.random(size=shape) < 0.6
    seen = np.arange(batch * tgt_len).reshape(batch, tgt_len) % src_len
    np.put_along_axis(mask, seen[:, :, None], True, axis=-1)
    np.put_along_axis(mask, ((seen + 1) % src_len)[:, :, None], False, axis=-1)
    return mask


def _raise_scores(probe: Probe, level: np.ndarray) -> None:
    """Let feature 0 add `level`, of shape (batch, src_len), to the scaled scores."""
    probe.query[..., 0] = 1.0
    probe.key[..., 0] = math.sqrt(probe.key.shape[-1]) * level
