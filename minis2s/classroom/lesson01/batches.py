"""Invent: batches with little padding, that differ from epoch to epoch."""

from itertools import combinations

import numpy as np

from minis2s.classroom.invent import Goal, Invent, Worked

N_SENTENCES, BATCH_TOKENS = 1000, 400


def draw_lengths(rng):
    """Lengths of captions, roughly: most near 13, a few of 40."""
    lengths = np.exp(rng.normal(np.log(13), 0.4, size=N_SENTENCES))
    return np.clip(lengths.round(), 3, 40).astype(int)


# --- answers ---


def fill(order, lengths, batch_tokens):
    """Sentences in this order; a batch is closed before its padding overflows."""
    batches, longest = [[]], 0
    for i in order:
        longest = max(longest, lengths[i])
        if (len(batches[-1]) + 1) * longest > batch_tokens:
            batches.append([])
            longest = lengths[i]
        batches[-1].append(int(i))
    return batches


def plan_by_noise(lengths, batch_tokens, rng):
    """Sort by length and a little noise, so that neighbours mix anew."""
    order = np.argsort(lengths + rng.uniform(0, 2, size=len(lengths)))
    batches = fill(order, lengths, batch_tokens)
    rng.shuffle(batches)
    return batches


def plan_by_halves(lengths, batch_tokens, rng):
    """Shuffle, then sort each half of the text by itself."""
    halves = np.array_split(rng.permutation(len(lengths)), 2)
    return [
        batch
        for half in halves
        for batch in fill(half[np.argsort(lengths[half])], lengths, batch_tokens)
    ]


def _sorted(lengths, batch_tokens, rng):
    return fill(np.argsort(lengths, kind="stable"), lengths, batch_tokens)


def _shuffled(lengths, batch_tokens, rng):
    return fill(rng.permutation(len(lengths)), lengths, batch_tokens)


def _last_dropped(lengths, batch_tokens, rng):
    return plan_by_noise(lengths, batch_tokens, rng)[:-1]


def _of_one_size(lengths, batch_tokens, rng):
    order = np.argsort(lengths + rng.random(len(lengths)))
    return np.array_split(order, len(order) // 25)


def _alone(lengths, batch_tokens, rng):
    return [[i] for i in range(len(lengths))]


# --- what is measured ---


def _mates(batches):
    """All pairs of sentences that share a batch."""
    return {pair for batch in batches for pair in combinations(sorted(batch), 2)}


def _cost(batches, lengths):
    """What one epoch loses, overdoes, pads, and takes in batches."""
    inside = [[i for i in b if 0 <= i < N_SENTENCES] for b in batches]
    used = np.bincount([i for b in inside for i in b], minlength=N_SENTENCES)
    sizes = [len(b) * int(lengths[b].max()) for b in inside if b]
    real = sum(int(lengths[b].sum()) for b in inside if b)
    return {
        "lost": int((used != 1).sum()),
        "over": sum(size > BATCH_TOKENS for size in sizes),
        "padding": 100 * (1 - real / max(sum(sizes), 1)),
        "batches": len(batches) / float(np.ceil(lengths.sum() / BATCH_TOKENS)),
    }


def _measure(answer, rng):
    """Two epochs of one text; of each number, that of the worse one."""
    lengths = draw_lengths(rng)
    epochs = []
    for _ in range(2):
        plan = answer(lengths.copy(), BATCH_TOKENS, rng)
        epochs.append([[int(i) for i in batch] for batch in plan if len(batch)])
    first, second = (_cost(batches, lengths) for batches in epochs)
    mates, again = map(_mates, epochs)
    return {name: max(first[name], second[name]) for name in first} | {
        "again": 100 * len(mates & again) / max(len(mates), 1),
    }


check_batch_plan = Invent(
    name="batch_plan",
    lesson=1,
    section="8",
    minutes=20,
    difficulty=4,
    task="""Judge a plan of batches: batches = answer(lengths, batch_tokens, rng).

    lengths holds the length of each of 1000 sentences. A batch is a list of their
    numbers; it costs its longest length times its sentences, and may cost at most
    batch_tokens, here 400. The plan is made twice, for two epochs. How little padding
    is possible if the batches have to differ, and to be well filled?
    """,
    measure=_measure,
    goals={
        "lost": Goal(
            "sentences that are not in exactly one batch",
            0,
            broken="An epoch reads every sentence once.",
            look="Count the sentences of all batches, also of the last.",
            idea="The last batch may be small; it still counts.",
            code="sorted(i for b in batches for i in b) == [0, 1, 2, ...]",
        ),
        "over": Goal(
            "batches over the budget",
            0,
            broken="One batch that is too large is enough to run out of memory.",
            look="What does a batch of long sentences cost?",
            idea="Close a batch before the next sentence would make it too large.",
            code="(len(batch) + 1) * longest > batch_tokens, longest with the new one.",
        ),
        "padding": Goal(
            "per cent of the tokens that are padding",
            7,
            broken="Padding is computed like words, and thrown away.",
            look="How different are the lengths within one batch?",
            idea="Neighbours in order of length pad each other little.",
            code="np.argsort(lengths), then fill one batch after the other.",
        ),
        "again": Goal(
            "per cent of batch mates that meet again in the next epoch",
            40,
            broken="Batches that never change put the same gradients together.",
            look="What in the plan depends on rng?",
            idea="Give up a little order: sentences of like length may change places.",
            code="Sort by lengths plus some noise, or sort within random pools.",
        ),
        "batches": Goal(
            "batches for each one that full batches would need",
            1.25,
            broken="A batch shares one update: 1,000 of one are 1,000 updates, not 40.",
            look="How full are the batches, in tokens?",
            idea="Close a batch when the next sentence does not fit, and not before.",
            code="batches[-1].append(i), as long as the budget allows it.",
        ),
    },
    worked={
        "noise": Worked(
            plan_by_noise,
            {
                "lost": 0,
                "over": 0,
                "padding": 5.22799284,
                "again": 23.87900593,
                "batches": 1.05714286,
            },
        ),
        "halves": Worked(
            plan_by_halves,
            {
                "lost": 0,
                "over": 0,
                "padding": 4.77541698,
                "again": 26.25082946,
                "batches": 1.08571429,
            },
        ),
    },
    wrong={
        "lost": _last_dropped,
        "over": _of_one_size,
        "padding": _shuffled,
        "again": _sorted,
        "batches": _alone,
    },
    look="Begin with an order of the sentences, and fill one batch after the other.",
    idea="The order decides the padding, and what is random in it the variety.",
    code="order = np.argsort(lengths + noise); close a batch before it overflows.",
    news="padding and variety pull in opposite directions, and one number, the noise "
    "or the size of the pools, moves the plan between them.",
)
