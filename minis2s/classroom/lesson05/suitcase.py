"""Invent: a code that puts many symbols into few numbers, and survives noise."""

import numpy as np

from minis2s.classroom.invent import Goal, Invent, Worked

N_SYMBOLS, LENGTH, NOISE, N_STRINGS = 8, 12, 0.01, 400


def _levels(numbers, n_levels):
    """Whole numbers 0 to n_levels - 1 as numbers from -1 to 1."""
    return 2.0 * np.asarray(numbers) / (n_levels - 1) - 1.0


def _nearest(vector, n_levels):
    """The way back: the nearest level."""
    numbers = np.rint((np.asarray(vector) + 1.0) * (n_levels - 1) / 2)
    return np.clip(numbers, 0, n_levels - 1).astype(int).tolist()


def _in_base(n_levels, d):
    """Pack and unpack by way of one large whole number, written in another base."""

    def pack(symbols):
        number = 0
        for symbol in symbols:
            number = number * N_SYMBOLS + int(symbol)
        digits = [number // n_levels**k % n_levels for k in range(d)]
        return _levels(digits, n_levels)

    def unpack(vector):
        digits = _nearest(vector, n_levels)
        number = sum(digit * n_levels**k for k, digit in enumerate(digits))
        return [number // N_SYMBOLS**k % N_SYMBOLS for k in reversed(range(LENGTH))]

    return pack, unpack


def four_bits_each():
    """36 bits, four in each of nine numbers: sixteen levels."""
    return _in_base(16, 9)


def another_base():
    """Twelve digits in base 8 are eight digits in base 23."""
    return _in_base(23, 8)


def _one_each():
    """One number for each symbol."""
    return _in_base(N_SYMBOLS, LENGTH)


def _all_in_one():
    """Everything in one number, as a fraction."""
    return _in_base(N_SYMBOLS**LENGTH, 1)


def _shouted():
    """Sixteen levels, a hundred times as loud."""
    pack, unpack = _in_base(16, 9)
    return (lambda symbols: 100 * pack(symbols)), (lambda v: unpack(np.array(v) / 100))


def _measure(answer, rng):
    """Pack random strings, shake what was packed, and unpack."""
    pack, _ = answer()
    _, unpack = answer()  # two travellers: nothing but the vector passes
    right, widths, loudest = [], set(), 0.0
    for symbols in rng.integers(N_SYMBOLS, size=(N_STRINGS, LENGTH)):
        vector = np.asarray(pack(symbols.tolist()), float).ravel()
        widths.add(len(vector))
        loudest = max(loudest, float(np.abs(vector).max()))
        shaken = vector + NOISE * rng.normal(size=vector.shape)
        right.append([int(s) for s in unpack(shaken)] == symbols.tolist())
    return {
        "right": float(np.mean(right)),
        "loudest": loudest,
        "numbers": max(widths),
    }


check_suitcase = Invent(
    name="suitcase",
    lesson=5,
    section="10",
    minutes=20,
    difficulty=4,
    task="""Judge a code for strings of 12 symbols out of 8: answer().

    It returns two functions. pack(symbols) makes a vector of a list of 12 whole numbers
    from 0 to 7; its entries lie between -1 and 1, as those of a tanh do, and it has as
    many for every string. Then each entry is moved by noise of deviation 0.01, and
    unpack(vector) returns the 12 symbols. 400 random strings are tried.
    Your function is called twice; pack comes from one call, unpack from the other.
    """,
    measure=_measure,
    goals={
        "right": Goal(
            "share of strings that come back whole",
            0.99,
            at_least=True,
            broken="What cannot be read any more was not carried.",
            look="How far apart are two neighbouring levels of one entry?",
            idea="Noise of 0.01 hardly ever reaches 0.04: levels may be 0.08 apart.",
            code="At most about 25 levels between -1 and 1.",
        ),
        "loudest": Goal(
            "largest entry",
            1.0,
            broken="A tanh does not get louder than 1.",
            look="Which entries come out of pack?",
            idea="Levels have to be spread between -1 and 1.",
            code="2 * number / (n_levels - 1) - 1",
        ),
        "numbers": Goal(
            "entries of the vector",
            9,
            broken="Room is what it is about: 12 entries can be done by one for each.",
            look="How many levels does each entry use, and how many could it?",
            idea="8 to the 12th are 36 bits; an entry of 16 levels holds 4 of them.",
            code="Write the string as one whole number, and that in base 16.",
        ),
    },
    worked={
        "four bits each": Worked(
            four_bits_each, {"right": 1.0, "loudest": 1.0, "numbers": 9}
        ),
        "another base": Worked(
            another_base, {"right": 1.0, "loudest": 1.0, "numbers": 8}
        ),
    },
    wrong={
        "right": _all_in_one,
        "loudest": _shouted,
        "numbers": _one_each,
    },
    look="How many levels of one entry can be told apart?",
    idea="Levels times levels: nine entries of sixteen have as many values as twelve "
    "of eight.",
    code="number = number * 8 + symbol; then number % 16 and number // 16, nine times.",
    news="room is not what a vector lacks: eight numbers carry twelve symbols through "
    "noise of a hundredth. Whether training finds such a code is another question.",
)
