"""Implement: greedy decoding of a batch, and how sure it is of each sentence."""

import numpy as np

from minis2s.classroom.implement import Implement, Wrong
from minis2s.classroom.probes import Probe
from minis2s.text.tokenizers import BOS_ID, EOS_ID, PAD_ID

D_HIDDEN, VOCAB_SIZE, MAX_LEN = 7, 11, 8


def greedy(h, embedding, weight_input, weight_hidden, weight_out, bias_out, max_len):
    """The likeliest token, again and again, until each sentence has said EOS."""
    said, log_p = np.full((len(h), max_len), PAD_ID), np.zeros(len(h))
    token, going = np.full(len(h), BOS_ID), np.full(len(h), True)
    for t in range(max_len):
        h = np.tanh(embedding[token] @ weight_input.T + h @ weight_hidden.T)
        logits = h @ weight_out.T + bias_out
        logits[:, [PAD_ID, BOS_ID]] = -np.inf
        token = logits.argmax(axis=1)
        said[going, t] = token[going]
        log_p[going] += _best(logits)[going]
        going = going & (token != EOS_ID)
        if not going.any():
            break
    return said, log_p


def _best(logits):
    """The log-probability of the likeliest token of each row."""
    top = logits.max(axis=1, keepdims=True)
    return -np.log(np.exp(logits - top).sum(axis=1))


def greedy_with(
    first=BOS_ID,
    unsaid=(PAD_ID, BOS_ID),
    carries=lambda new, begin: new,
    feeds=lambda token, first: token,
    pick=lambda logits: logits.argmax(axis=1),
    writes=lambda going: going,
    goes_on=lambda going: going.any(),
    more=0,
    edit=lambda said: said,
    score=lambda kept, logits, token: _best(kept),
    counts=lambda going, token: going,
    share=lambda log_p, said: log_p,
):
    """The same with one part exchanged."""

    def wrong(h, embedding, weight_input, weight_hidden, weight_out, bias_out, max_len):
        said = np.full((len(h), max_len + more), PAD_ID)
        log_p = np.zeros(len(h))
        token, begin, going = np.full(len(h), first), h, np.full(len(h), True)
        for t in range(max_len + more):
            h = np.tanh(embedding[token] @ weight_input.T + h @ weight_hidden.T)
            logits = h @ weight_out.T + bias_out
            kept = logits.copy()
            kept[:, list(unsaid)] = -np.inf
            h, word = carries(h, begin), pick(kept)
            token = feeds(word, first)
            said[writes(going), t] = word[writes(going)]
            log_p += np.where(counts(going, word), score(kept, logits, word), 0.0)
            going = going & (word != EOS_ID)
            if not goes_on(going):
                break
        return edit(said), share(log_p, said)

    return wrong


_FIRST = [greedy_with(first=other) for other in (PAD_ID, EOS_ID)]


def _draw(batch, lengths, bias=-30.0, max_len=MAX_LEN):
    """Weights with which the sentences have the lengths that are wanted."""

    def draw(rng):
        sizes = (
            (batch, D_HIDDEN),
            (VOCAB_SIZE, D_HIDDEN),
            (D_HIDDEN, D_HIDDEN),
            (D_HIDDEN, D_HIDDEN),
            (VOCAB_SIZE, D_HIDDEN),
            (VOCAB_SIZE,),
        )
        while True:
            args = [rng.normal(size=size) for size in sizes]
            args[-1][[PAD_ID, BOS_ID]] = bias
            args.append(max_len)
            said, _ = greedy(*args)
            fits = lengths((said != PAD_ID).sum(axis=1)) and _varied(said)
            if fits and all((other(*args)[0] != said).any() for other in _FIRST):
                return tuple(args)

    return draw


def _varied(said):
    """Whether no sentence says one word again and again."""
    return all(len({*row} - {PAD_ID}) >= min((row != PAD_ID).sum(), 3) for row in said)


def _with_start(said):
    start = np.full((len(said), 1), BOS_ID)
    return np.concatenate([start, said[:, :-1]], axis=1)


check_greedy = Implement(
    name="greedy",
    lesson=5,
    section="10",
    minutes=15,
    difficulty=3,
    task="""Judge greedy decoding of a batch: answer(h, embedding, weight_input,
    weight_hidden, weight_out, bias_out, max_len).

    h (batch, d_hidden) is what the encoder handed over. At each step
    h = tanh(weight_input embedding[token] + weight_hidden h), and the logits of the
    next token are weight_out h + bias_out. The first token is BOS_ID; PAD_ID and BOS_ID
    are never said; of equal logits the lowest id wins. Returns said
    (batch, max_len): the ids of each sentence, its EOS_ID included, and PAD_ID behind
    it; and log_p (batch,): the log-probability of each sentence, the sum over its
    tokens, EOS_ID included, each under a softmax over the ids that may be said. The
    special ids are those of minis2s.text.tokenizers.
    """,
    right=greedy,
    returns=("said", "log_p"),
    probes=(
        Probe("one", "one sentence", _draw(1, lambda n: 3 <= n[0] <= 6)),
        Probe(
            "ragged",
            "three sentences that end at different steps",
            _draw(3, lambda n: len({*n}) == 3 and min(n) > 1 and max(n) < MAX_LEN),
        ),
        Probe(
            "cut",
            "two sentences, one of which does not end in time",
            _draw(2, lambda n: min(n) == 2 and max(n) == 4, max_len=4),
        ),
        Probe(
            "silence",
            "PAD and BOS have the highest logits",
            _draw(2, lambda n: min(n) > 2, bias=9.0),
        ),
    ),
    wrong={
        "starts_with_pad": Wrong(
            greedy_with(first=PAD_ID),
            broken="A target begins with BOS; padding was never read in training.",
            cause="The first token that is read is PAD.",
            look="What stood in the first column of tgt_in?",
        ),
        "starts_with_eos": Wrong(
            greedy_with(first=EOS_ID),
            broken="A target begins with BOS.",
            cause="The first token that is read is EOS.",
            look="Which of the four special ids has which name?",
        ),
        "state_not_carried": Wrong(
            greedy_with(carries=lambda new, begin: begin),
            broken="The state has to know what was said so far.",
            cause="Every step begins with the encoder's state.",
            look="Which h does the second step read?",
        ),
        "never_reads_itself": Wrong(
            greedy_with(feeds=lambda token, first: np.full_like(token, first)),
            broken="What was said has to be read at the next step.",
            cause="BOS is read at every step.",
            look="Which token does the second step read?",
        ),
        "runs_on": Wrong(
            greedy_with(writes=lambda going: going | True, goes_on=lambda going: True),
            broken="Behind EOS there is no sentence any more.",
            cause="EOS stops nothing: all sentences are as long as they may be.",
            look="What happens in a row after it has said EOS?",
        ),
        "cut_with_the_first": Wrong(
            greedy_with(goes_on=lambda going: going.all()),
            broken="A sentence may be longer than its neighbours.",
            cause="All stop when the first one has ended.",
            look="When does the loop over steps end?",
        ),
        "waits_for_all": Wrong(
            greedy_with(writes=lambda going: going | True),
            broken="Behind EOS there is no sentence any more.",
            cause="Those that have ended go on until the last one ends.",
            look="What is written into a row that has ended?",
        ),
        "end_left_out": Wrong(
            greedy_with(edit=lambda said: np.where(said == EOS_ID, PAD_ID, said)),
            broken="Without EOS a whole sentence and one that was cut look alike.",
            cause="PAD stands where EOS was said.",
            look="What is the last id of a sentence that ended by itself?",
        ),
        "with_the_start": Wrong(
            greedy_with(edit=_with_start),
            broken="BOS is read, and never said.",
            cause="BOS stands in front of what was said.",
            look="What was said before the first step?",
        ),
        "least_likely": Wrong(
            greedy_with(pick=lambda z: np.where(np.isinf(z), np.inf, z).argmin(axis=1)),
            broken="Greedy takes the likeliest.",
            cause="The smallest logit is taken.",
            look="Which end of the logits is the likely one?",
        ),
        "one_too_many": Wrong(
            greedy_with(more=1),
            broken="max_len tokens are the most.",
            cause="There is one step more than max_len.",
            look="How many times does the loop run?",
        ),
        "score_runs_on": Wrong(
            greedy_with(counts=lambda going, token: going | True),
            broken="A sentence that has ended is as probable as it was.",
            cause="log_p grows in rows that have said EOS.",
            look="What becomes of log_p in a row that has ended?",
        ),
        "score_without_end": Wrong(
            greedy_with(counts=lambda going, token: going & (token != EOS_ID)),
            broken="To stop is a bet like any other, and can be lost.",
            cause="The log-probability of EOS is left out.",
            look="How many terms has a sentence of three words?",
        ),
        "score_of_logits": Wrong(
            greedy_with(score=lambda kept, logits, token: kept.max(axis=1)),
            broken="The log of a probability is never above zero.",
            cause="Logits are summed where log-probabilities were meant.",
            look="What turns a logit into a log-probability?",
        ),
        "score_a_mean": Wrong(
            greedy_with(share=lambda p, said: p / (said != PAD_ID).sum(axis=1)),
            broken="Probabilities multiply, so their logs add up.",
            cause="The sum is divided by the number of tokens.",
            look="How are the probabilities of two tokens put together?",
        ),
        "score_over_all_ids": Wrong(
            greedy_with(
                score=lambda kept, logits, token: (
                    _best(logits) + kept.max(axis=1) - logits.max(axis=1)
                )
            ),
            broken="What may not be said takes no share of the probability.",
            cause="PAD and BOS have a share of the softmax.",
            look="Over which ids does the softmax go?",
        ),
        "says_padding": Wrong(
            greedy_with(unsaid=()),
            broken="PAD and BOS are no words: they have no place in a sentence.",
            cause="PAD and BOS may be said.",
            look="What do the logits of ids 0 and 2 do?",
        ),
        "says_bos": Wrong(
            greedy_with(unsaid=(PAD_ID,)),
            broken="BOS is read, and never said.",
            cause="PAD is forbidden, BOS is not.",
            look="How many ids must never be said?",
        ),
    },
    look="Follow one sentence: which token and which state does each step read?",
    idea="One token a row, read back at the next step; a row that said EOS is left "
    "alone.",
    code="token = logits.argmax(axis=1); said[going, t] = token[going]; "
    "log_p[going] += log_softmax[going, token[going]]; then going &= token != EOS_ID.",
    news="a row goes on being computed after its EOS, and nobody listens. The package "
    "takes finished rows out of the batch, which changes the time and no word.",
)
