"""Implement: cutting a word by merges that were learned."""

from itertools import pairwise

from minis2s.classroom.evidence import Evidence
from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.probes import Probe
from minis2s.text.bpe_learning import learn_bpe


def apply_bpe(word, ranks):
    """Join the pair of lowest rank, the leftmost of equals, until none is known."""
    pieces = list(word)
    while True:
        known = [
            (ranks[pair], i) for i, pair in enumerate(pairwise(pieces)) if pair in ranks
        ]
        if not known:
            return pieces
        _, i = min(known)
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]


def _by(choose):
    """The same, with another choice among the known pairs: (rank, place, piece)."""

    def answer(word, ranks):
        pieces = list(word)
        while True:
            known = [
                (ranks[left, right], i, left + right)
                for i, (left, right) in enumerate(pairwise(pieces))
                if (left, right) in ranks
            ]
            if not known:
                return pieces
            _, i, joined = choose(known)
            pieces[i : i + 2] = [joined]

    return answer


def _longest_piece(word, ranks):
    """Bite off the longest known piece, again and again."""
    vocabulary, pieces = {left + right for left, right in ranks}, []
    while word:
        ends = (end for end in range(len(word), 1, -1) if word[:end] in vocabulary)
        end = next(ends, 1)
        pieces, word = [*pieces, word[:end]], word[end:]
    return pieces


def _one_pass(word, ranks):
    pieces = []
    for letter in word:
        if pieces and (pieces[-1], letter) in ranks:
            pieces[-1] += letter
        else:
            pieces.append(letter)
    return pieces


def _one_join(word, ranks):
    pieces = list(word)
    known = [(ranks[p], i) for i, p in enumerate(pairwise(pieces)) if p in ranks]
    for _, i in [min(known)] if known else []:
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    return pieces


def _each_merge_once(word, ranks):
    pieces = list(word)
    for pair in sorted(ranks, key=ranks.get):
        for i in range(len(pieces) - 1):
            if (pieces[i], pieces[i + 1]) == pair:
                pieces[i : i + 2] = ["".join(pair)]
                break
    return pieces


def _by_text(word, ranks):
    """SentencePiece's rule: two neighbours join if their text is a piece."""
    rank_of = {}
    for pair, rank in ranks.items():
        rank_of.setdefault("".join(pair), rank)
    pieces = list(word)
    while True:
        texts = [left + right for left, right in pairwise(pieces)]
        known = [(rank_of[t], i) for i, t in enumerate(texts) if t in rank_of]
        if not known:
            return pieces
        _, i = min(known)
        pieces[i : i + 2] = [texts[i]]


def _unknown_dropped(word, ranks):
    letters = {letter for pair in ranks for letter in "".join(pair)}
    return apply_bpe("".join(c for c in word if c in letters), ranks)


def _pairs_left_in_place(word, ranks):
    """The joined piece is put in, and its right half stays."""
    pieces = list(word)
    for i in range(len(pieces) - 1):
        if (pieces[i], pieces[i + 1]) in ranks:
            pieces[i] += pieces[i + 1]
    return pieces


def _renamed(rng, word, merges):
    """A case written with the letters a to e, in other letters."""
    letters = rng.permutation([*"abcdefghijklmnopqrstuvwxyz"])[:5]
    table = str.maketrans("abcde", "".join(letters))
    pairs = [tuple(side.translate(table) for side in pair) for pair in merges]
    return word.translate(table), {pair: rank for rank, pair in enumerate(pairs)}


def _case(word, *merges):
    """A small case, drawn in other letters each time; merges as in "a b"."""
    pairs = [tuple(merge.split()) for merge in merges]
    return lambda rng: _renamed(rng, word, pairs)


def _learned(rng):
    """Merges that were learned from words of three letters, and a long new word."""
    words = {
        "".join(rng.choice([*"abc"], size=int(rng.integers(4, 9)))): int(n)
        for n in rng.integers(1, 20, size=11)
    }
    word = "".join(rng.choice([*"abcd"], size=17, p=[0.32, 0.32, 0.31, 0.05]))
    return _renamed(rng, word, learn_bpe(words, 13))


def _spells_the_word(e: Evidence) -> str:
    """The property that any cut has."""
    spelled = "".join(map(str, e.got))
    return "" if spelled == e.args[0] else f"The pieces spell {spelled}. {_SPELLS}"


_SPELLS = "Whatever the merges, the pieces of a word must spell the word."
_AS_LEARNED = (
    "Learning joined the most frequent pair first. A word that is cut in another order "
    "falls into pieces that training hardly saw."
)

check_apply_bpe = Implement(
    name="apply_bpe",
    lesson=1,
    section="4",
    minutes=15,
    difficulty=3,
    task="""Judge the cutting of a word: pieces = answer(word, ranks).

    word is a text; ranks maps a pair of pieces, a tuple, to its rank: 0 was learned
    first. Beginning with single characters, the pair of neighbours with the lowest rank
    is joined, one at a time, of equals the leftmost, until no pair is known. The answer
    is the list of pieces.
    """,
    right=apply_bpe,
    returns=("pieces",),
    probes=(
        Probe("pair", "one pair to join", _case("cab", "a b")),
        Probe("nothing", "a word without a known pair", _case("cdeb", "a b", "ab c")),
        Probe("grow", "a piece that grows on", _case("abcd", "a b", "ab c", "abc d")),
        Probe("order", "the best pair is not the first", _case("abcd", "b c", "a b")),
        Probe(
            "long",
            "a long piece against an early one",
            _case("abcde", "a b", "c d", "cd e", "b cd", "ab cd"),
        ),
        Probe("run", "one letter over and over", _case("aaaaa", "a a", "aa aa")),
        Probe("twice", "the same pairs twice", _case("abcdabc", "a b", "ab c")),
        Probe(
            "cut", "neighbours that spell a piece", _case("abc", "b c", "a b", "ab c")
        ),
        Probe("learned", "merges learned from random words", _learned),
    ),
    wrong={
        "leftmost_first": Wrong(
            _by(lambda known: min(known, key=lambda k: k[1])),
            broken=_AS_LEARNED,
            cause="The leftmost known pair is joined, whatever its rank.",
            look="Among several known pairs, what decides?",
        ),
        "rank_upside_down": Wrong(
            _by(lambda known: max(known, key=lambda k: (k[0], -k[1]))),
            broken=_AS_LEARNED,
            cause="The pair of the highest rank, learned last, is joined first.",
            look="Is rank 0 the best or the worst?",
        ),
        "longest_first": Wrong(
            _by(lambda known: min(known, key=lambda k: (-len(k[2]), k[0], k[1]))),
            broken=_AS_LEARNED,
            cause="The pair that makes the longest piece is joined first.",
            look="What do the numbers in ranks stand for?",
        ),
        "longest_piece": Wrong(
            _longest_piece,
            broken="A piece is reached by merges, step by step, or not at all.",
            cause="The longest known piece is bitten off the front of the word.",
            look="Can each of these pieces be made, if lower ranks go first?",
            idea="Begin with single characters, and join.",
        ),
        "one_pass": Wrong(
            _one_pass,
            broken="What is joined may join again, with either neighbour.",
            cause="Each letter is looked at once, and joined to the piece before it.",
            look="Which of the pairs in the failing word was never considered?",
        ),
        "one_join": Wrong(
            _one_join,
            broken="The word is done when no pair of neighbours is known.",
            cause="One pair is joined, and that is all.",
            look="What has to happen again after a join?",
        ),
        "each_merge_once": Wrong(
            _each_merge_once,
            broken="A pair may occur twice in a word.",
            cause="Each merge is used once, and its second occurrence stays apart.",
            look="When is a merge done with?",
        ),
        "rightmost_first": Wrong(
            _by(lambda known: min(known, key=lambda k: (k[0], -k[1]))),
            broken="Learning joined from the left, and cutting has to agree with it.",
            cause="Of equal ranks the rightmost is joined first.",
            look="What decides between two places of one rank?",
        ),
        "by_text": Wrong(
            _by_text,
            broken="Here a pair is known if that pair was learned, not its text alone.",
            cause="Neighbours are joined if together they spell some piece, as "
            "SentencePiece does it.",
            look="What are the keys of ranks?",
        ),
        "unknown_dropped": Wrong(
            _unknown_dropped,
            broken=_SPELLS,
            cause="A letter that is in no merge is left out.",
            look="What becomes of a letter that never joins?",
        ),
        "halves_left": Wrong(
            _pairs_left_in_place,
            broken=_SPELLS,
            cause="The joined piece is put in, and its right half stays beside it.",
            look="How many pieces should a join leave, of the two?",
        ),
        "no_merges": Wrong(
            lambda word, ranks: list(word),
            broken="The word is done when no pair of neighbours is known, and one is.",
            cause="These are the characters; nothing is joined.",
            look="Look for the first pair of neighbours that ranks knows.",
        ),
    },
    properties=(_spells_the_word,),
    look="Write the failing word as letters, and the rank beside each pair.",
    idea="Find the lowest rank among the pairs of neighbours, join there, look again.",
    code="min((ranks[pair], i) for each known pair): of equals the smaller i wins.",
    news="the order alone decides. Join the longest first, with the same merges, and "
    "words fall into pieces that training hardly ever showed.",
)
