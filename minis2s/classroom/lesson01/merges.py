"""Two warm-ups: three merges on paper, and a joining of pairs to be repaired."""

from itertools import pairwise

from minis2s.classroom.implement import Repair, Wrong
from minis2s.classroom.probes import Probe
from minis2s.classroom.trace import Tempting, Trace
from minis2s.text.bpe_learning import join_pair as package_join_pair
from minis2s.text.bpe_learning import learn_bpe

# --- trace: three merges ---

WORDS = {"hut": 5, "mut": 2, "hund": 4, "und": 6, "uns": 3}
"""Word -> how often it occurs."""


def _count(words, pair):
    return sum(n * [*pairwise(word)].count(pair) for word, n in words.items())


def _three_merges():
    """Piece and count of each merge, the counts taken anew before each."""
    cuts, entries = {tuple(word): n for word, n in WORDS.items()}, []
    for pair in learn_bpe(WORDS, 3):
        entries += ["".join(pair), _count(cuts, pair)]
        cuts = {tuple(package_join_pair(cut, pair)): n for cut, n in cuts.items()}
    return tuple(entries)


check_three_merges = Trace(
    name="three_merges",
    lesson=1,
    section="2",
    minutes=6,
    difficulty=1,
    task="""Judge three merges that were found by hand, each with its count.

    hut occurs 5 times, mut 2, hund 4, und 6 and uns 3 times. The answer is piece,
    count, piece, count, piece, count: what each merge makes, as in "ab", and how often
    its pair occurs at that moment.
    """,
    entries=("piece 1", "count 1", "piece 2", "count 2", "piece 3", "count 3"),
    expected=_three_merges(),
    tempting={
        "counted_once": Tempting(
            ("un", 13, "nd", 10, "hu", 9),
            cause="The second and third piece come from the counts of the first step.",
            broken="What has been joined is one piece: no n is left to stand before d.",
            look="Write the five words as they are cut after merge 1, and count again.",
        ),
        "words_not_weighted": Tempting(
            ("un", 3, "ut", 2, "und", 2),
            cause="Each word of the list was counted once.",
            broken="A pair counts as often as its words occur in the text.",
            look="What do the numbers beside the words say?",
        ),
        "old_count_kept": Tempting(
            ("un", 13, "und", 10, "hund", 9),
            cause="The 9 is the count of h before u, from the first step.",
            broken="After merge 2, h stands before u in one word and before und in "
            "another, and these are two pairs.",
            look="How often does h stand before und?",
        ),
        "longest_wins": Tempting(
            ("un", 13, "und", 10, "hund", 4),
            cause="The third merge goes on with the longest piece that there is.",
            broken="Whatever is most frequent is joined, however short.",
            look="Which other pairs are left, and how often do they occur?",
        ),
    },
    broken="Each count is the largest there is in its step, and no count can rise from "
    "one step to the next.",
    look="Write each word as its pieces, and beside every pair of neighbours the "
    "number of its word.",
    idea="Count, join the most frequent pair in every word, and count anew.",
    code="After merge 1 the words are h u t, m u t, h un d, un d, un s.",
    news="merge 2 is und, a word. Nobody said so: it is the part that hund and und "
    "share.",
)


# --- repair: a pair that overlaps itself ---


def join_pair(pieces, pair):
    """The pieces with every occurrence of a pair joined, from the left."""
    joined, i = [], 0
    while i < len(pieces):
        width = 2 if tuple(pieces[i : i + 2]) == pair else 1
        joined.append("".join(pieces[i : i + width]))
        i += width
    return joined


def join_pair_overlapping(pieces, pair):
    """As handed out: right, as long as no occurrence begins where one ends."""
    joined = []
    for i, piece in enumerate(pieces):
        if tuple(pieces[i : i + 2]) == pair:
            joined.append(piece + pieces[i + 1])
        elif i == 0 or tuple(pieces[i - 1 : i + 1]) != pair:
            joined.append(piece)
    return joined


def _from_the_right(pieces, pair):
    mirrored = join_pair(
        [p[::-1] for p in pieces[::-1]], (pair[1][::-1], pair[0][::-1])
    )
    return [p[::-1] for p in mirrored[::-1]]


def _first_alone(pieces, pair):
    for i in range(len(pieces) - 1):
        if (pieces[i], pieces[i + 1]) == pair:
            return [*pieces[:i], pieces[i] + pieces[i + 1], *pieces[i + 2 :]]
    return list(pieces)


def _by_text(pieces, pair):
    joined = []
    for piece in pieces:
        if joined and joined[-1] + piece == "".join(pair):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _in_a_string(pieces, pair):
    return " ".join(pieces).replace(" ".join(pair), "".join(pair)).split(" ")


def _last_lost(pieces, pair):
    joined, i = [], 0
    while i < len(pieces) - 1:
        width = 2 if (pieces[i], pieces[i + 1]) == pair else 1
        joined.append("".join(pieces[i : i + width]))
        i += width
    return joined


def _letters(rng, n):
    """Distinct letters."""
    return [str(c) for c in rng.permutation([*"abcdefghijklmnopqrstuvwxyz"])[:n]]


def _once(rng):
    a, b, c, d = _letters(rng, 4)
    return [c, a, b, d], (a, b)


def _twice(rng):
    a, b, c, d = _letters(rng, 4)
    return [a, b, c, d, a, b, c], (a, b)


def _nowhere(rng):
    a, b, *rest = _letters(rng, 5)
    return [b, a, *rest], (a, b)


def _other_cut(rng):
    a, b, c, d = _letters(rng, 4)
    return [a, b + c, d, a + b, c, d], (a + b, c)


def _longer_piece(rng):
    a, b, c, d = _letters(rng, 4)
    return [d + a, b, c, a, b, c], (a, b)


def _run(rng):
    a, b = _letters(rng, 2)
    return [a] * int(rng.choice([3, 5, 7])) + [b], (a, a)


def _run_to_the_end(rng):
    a, b = _letters(rng, 2)
    return [b] + [a] * int(rng.choice([3, 5, 7])), (a, a)


_KEPT = "Joined or not, the pieces must spell the same word."

check_join_pair = Repair(
    name="join_pair",
    lesson=1,
    section="3",
    minutes=8,
    difficulty=2,
    task="""Judge the joining of a pair: joined = answer(pieces, pair).

    pieces is a list of texts, pair a tuple of two. Wherever the two stand side by side
    they become one piece, from the left; nothing else changes. The code handed out is
    right only where no two occurrences overlap.
    """,
    right=join_pair,
    returns=("joined",),
    probes=(
        Probe("once", "the pair occurs once", _once),
        Probe("twice", "the pair occurs twice", _twice),
        Probe("nowhere", "the pair does not occur", _nowhere),
        Probe("other cut", "two pieces that spell the same, cut elsewhere", _other_cut),
        Probe("longer piece", "a piece that ends like the pair's left", _longer_piece),
        Probe("run", "one letter over and over", _run),
        Probe("run to the end", "the same at the end of the word", _run_to_the_end),
    ),
    given="overlap",
    wrong={
        "overlap": Wrong(
            join_pair_overlapping,
            case=lambda e: (
                f"But {''.join(e.args[0])} has become {''.join(e.got)}, from "
                f"{len(''.join(e.args[0]))} letters to {len(''.join(e.got))}."
            ),
            broken=_KEPT,
            cause="A piece that ended one pair begins the next one as well.",
            look="After a pair has been joined, which piece is looked at next?",
        ),
        "from_the_right": Wrong(
            _from_the_right,
            broken="An odd run leaves one letter over, and both ends would do. But "
            "learning and applying have to agree, and the rule is: from the left.",
            cause="The pair is joined from the right.",
            look="At which end does the loop begin?",
        ),
        "first_alone": Wrong(
            _first_alone,
            broken="A merge holds for the whole word.",
            cause="Only the first occurrence is joined.",
            look="What happens after the first success?",
        ),
        "by_text": Wrong(
            _by_text,
            broken="Two pieces may spell the same as the pair and be another pair.",
            cause="It is the joined text that is compared.",
            look="Compare the two sides one by one.",
            code="(left, right) == pair, before they are added.",
        ),
        "in_a_string": Wrong(
            _in_a_string,
            broken="A piece is joined as a whole or not at all.",
            cause="The pieces are written into one string, where the pair is also "
            "found at the end of a longer piece.",
            look="Where in the string does a piece begin?",
            code="Work on the list; or anchor both ends of the search at a space.",
        ),
        "last_lost": Wrong(
            _last_lost,
            broken=_KEPT,
            cause="The last piece is left out, unless it ends a pair.",
            look="Up to which index does the loop run?",
        ),
    },
    properties=(lambda e: "" if "".join(e.got) == "".join(e.args[0]) else _KEPT,),
    look="Follow the code on the failing pieces, and note the index at each turn.",
    idea="A piece is used once: after a pair, go on behind it.",
    code="while i < len(pieces): take two or one, and add as many to i.",
    news="an odd run keeps its last letter: aaa is aa and a. Where two sides of a "
    "program could disagree, a rule is needed, and ours is from the left.",
)
