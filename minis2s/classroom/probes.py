"""The arguments on which an implementation is tried.

Every probe comes twice, with other numbers the second time: a cause is named only if
it explains both. A fault shows only where it has a chance to, so an exercise has
several probes, the smallest first.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_PRIMES = (2, 3, 5, 7, 11, 13)


@dataclass(frozen=True)
class Probe:
    """Arguments of one kind, and what is particular about them."""

    name: str
    about: str
    """what makes it different from the others, in words"""
    draw: Callable[[np.random.Generator], tuple] | tuple[tuple, tuple]
    """draws the arguments, as a tuple; or two such tuples, fixed"""

    def pair(self, rng: np.random.Generator | None = None) -> tuple[tuple, tuple]:
        """Two tuples of arguments, the same at every call unless rng is given."""
        return self.sibling(0, rng), self.sibling(1, rng)

    def sibling(self, number: int, rng: np.random.Generator | None = None) -> tuple:
        """The arguments: 0 for the first, 1 for those with other numbers."""
        if isinstance(self.draw, tuple):
            return self.draw[number]
        seed = [zlib.crc32(self.name.encode()), number]
        return self.draw(rng if rng is not None else np.random.default_rng(seed))


def primes(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """Distinct primes in any order, for sizes: a swapped axis cannot pass.

    >>> sorted(primes(np.random.default_rng(0), 6))
    [2, 3, 5, 7, 11, 13]
    """
    return tuple(int(size) for size in rng.permutation(_PRIMES[: max(n, 4)])[:n])


def staircase(
    draw: Callable[[np.random.Generator, int, bool, bool], tuple],
) -> tuple[Probe, ...]:
    """Four probes for a backward pass in time; the first that fails says what breaks.

    A factor that is missing in a gate shows on the first stair, what multiplies the old
    state on the second, a lost path through time on the third, a gradient that is
    overwritten instead of added to on the fourth.

    Args:
        draw: draw(rng, n_steps, zero_state, last_only) makes the arguments; zero_state
            asks for an initial state of zeros, last_only for an upstream gradient that
            is zero at every step but the last.
    """
    stairs = (
        ("stair 1", "one step, from a state of zeros", 1, True, True),
        ("stair 2", "one step, from a state that is not zero", 1, False, True),
        ("stair 3", "two steps, a loss on the second only", 2, False, True),
        ("stair 4", "three steps, a loss on each", 3, False, False),
    )
    return tuple(
        Probe(name, about, lambda rng, how=how: draw(rng, *how))
        for name, about, *how in stairs
    )
