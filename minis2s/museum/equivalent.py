"""Changes that look like bugs and are none: no test can tell them from the original.

"Equal" means to rounding, a relative 1e-12 in float64; tests/test_museum.py compares
each on 10,000 random inputs. They are not counted among the bugs.
"""

from minis2s.museum.exhibit import Exhibit

EQUIVALENT = (
    Exhibit(
        name="small-number-in-the-denominator",
        title="The masked softmax adds 1e-20 to its denominator",
        file="numpy_ref/softmax.py",
        before="weights = votes / np.where(row_sum == 0.0, 1.0, row_sum)",
        after="weights = votes / (row_sum + 1e-20)",
        story="A small number keeps 0/0 away, and rows should no longer sum to 1.",
        seen="classic",
        symptom="none",
        reason="The largest score has the vote exp(0) = 1, so a row with any word sums "
        "to at least 1, and 1 + 1e-20 is 1. The same with 1e-9 would be a bug.",
    ),
    Exhibit(
        name="decay-outside-the-gradient",
        title="Plain gradient descent decays weights as AdamW does",
        file="numpy_ref/optim.py",
        before="    gradient = gradient + weight_decay * parameter\n"
        "    return parameter - lr * gradient, moments",
        after="    decayed = (1.0 - lr * weight_decay) * parameter\n"
        "    return decayed - lr * gradient, moments",
        story="For Adam this is the difference between two algorithms.",
        seen="Loshchilov and Hutter 2017",
        symptom="none",
        reason="Nothing is divided by the size of the gradient, so decay inside it and "
        "outside it are the same sum.",
    ),
    Exhibit(
        name="perplexity-by-two",
        title="The perplexity is a power of two",
        file="metrics.py",
        before="return math.exp(min(loss, 700.0))",
        after="return 2.0 ** (min(loss, 700.0) / math.log(2.0))",
        story="Books write two to the power of the loss.",
        seen="classic",
        symptom="none",
        reason="The loss is brought from nats to bits first; perplexity does not "
        "depend on the base, as long as it is one base.",
    ),
    Exhibit(
        name="queries-scaled",
        title="The queries are scaled instead of the scores",
        file="numpy_ref/dot_attention.py",
        before="scores = scale * (query @ key.swapaxes(-1, -2))",
        after="scores = (scale * query) @ key.swapaxes(-1, -2)",
        story="The scale stands in another line than in the paper.",
        seen="classic",
        symptom="none",
        reason="A dot product is linear in either side; scaling both would be a bug.",
    ),
    Exhibit(
        name="key-bias-dropped",
        title="Multi-head attention loses the bias of its keys",
        file="numpy_ref/multi_head.py",
        before="        projected_key, key_cache = self.key.forward(key)\n",
        after="        projected_key, key_cache = self.key.forward(key)\n"
        '        projected_key = projected_key - self.key.params["bias"]\n',
        story="A quarter of the biases is missing, and its gradient is zero.",
        seen="classic; some published models have none",
        symptom="none",
        reason="The bias adds query . bias to all scores of a query: one number for a "
        "whole row, which the softmax does not see.",
    ),
)
