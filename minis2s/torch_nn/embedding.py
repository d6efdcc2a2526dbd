"""Token ids to vectors, and positions to vectors.

A recurrent network reads a sentence in its order. Attention sees a set, and so a
Transformer adds to each token's vector one that says where it stands: a sinusoid, or a
row that is learned like that of a token.

Left out: positions that enter the attention instead (relative, rotary).

Twin: minis2s/numpy_ref/embedding.py.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Embedding(nn.Module):
    """A table with one row for each entry of the vocabulary.

    embedded = weight[ids], which is one_hot(ids) weight without the zeros.

    Args:
        vocab_size: number of rows.
        d_embed: width of a row. The rows are drawn from N(0, 1/d_embed), so that the
            same table can serve as an output layer (Press and Wolf 2017,
            arXiv:1608.05859).
    """

    def __init__(self, vocab_size: int, d_embed: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab_size, d_embed) * d_embed**-0.5)

    def forward(
        self, ids: Int[Tensor, "batch len"]
    ) -> Float[Tensor, "batch len d_embed"]:
        """The rows that the ids name."""
        return nn.functional.embedding(ids, self.weight)


def sinusoidal_positions(
    length: int, d_model: int, device: torch.device | str | None = None
) -> Float[Tensor, "length d_model"]:
    """The vectors of the first positions: clock hands, each pair slower than the last.

    PE(pos, 2i) = sin(pos / 10000^(2i / d_model))
    PE(pos, 2i + 1) = cos(pos / 10000^(2i / d_model))

    Sines and cosines take turns, as in the paper. Some code puts all sines before all
    cosines; the same numbers in another order, but a checkpoint knows only one.

    Args:
        length: how many positions, from 0.
        d_model: width of a vector; even, since sine and cosine go in pairs.
        device: where to compute them.

    Returns:
        positions, in float64: large angles have no digits to spare.

    Raises:
        ValueError: if d_model is odd.

    Source: Vaswani et al. 2017, section 3.5, arXiv:1706.03762.
    """
    if d_model % 2:
        raise ValueError(
            f"d_model: must be even for sinusoidal positions, got {d_model}"
        )
    count = {"dtype": torch.float64, "device": device}
    steps_per_radian = 10000.0 ** (torch.arange(0, d_model, 2, **count) / d_model)
    angle = torch.arange(length, **count)[:, None] / steps_per_radian
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


class SinusoidalPositions(nn.Module):
    """Adds sinusoidal_positions, of which there is nothing to learn.

    Args:
        d_model: width of a vector; even.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model

    def forward(
        self, x: Float[Tensor, "batch len d_model"], *, start: int = 0
    ) -> Float[Tensor, "batch len d_model"]:
        """Tell each vector where it stands.

        Args:
            x: a vector for each token.
            start: position of the first of them; when decoding, how many there were
                before.

        Returns:
            x + positions.
        """
        positions = sinusoidal_positions(start + x.shape[1], self.d_model, x.device)
        return x + positions[start:].to(x.dtype)

    def extra_repr(self) -> str:
        """What `print(model)` shows between the brackets."""
        return f"d_model={self.d_model}"


class LearnedPositions(nn.Module):
    """Adds a row of a table to each vector: a position is looked up like a token.

    out_t = x_t + weight[start + t]

    It knows only the positions that it was trained on: beyond max_len there are no
    rows, and rows that only long sentences reach have learned little.

    Args:
        max_len: number of positions.
        d_model: width of a vector. The rows are drawn from N(0, 1/d_model), as those of
            Embedding are.

    Source: Gehring et al. 2017, section 3.1, arXiv:1705.03122.
    """

    def __init__(self, max_len: int, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(max_len, d_model) * d_model**-0.5)

    def forward(
        self, x: Float[Tensor, "batch len d_model"], *, start: int = 0
    ) -> Float[Tensor, "batch len d_model"]:
        """Tell each vector where it stands.

        Args:
            x: a vector for each token.
            start: position of the first of them; when decoding, how many there were
                before.

        Returns:
            x + positions.

        Raises:
            ValueError: if there are fewer than start + len rows.
        """
        max_len, end = len(self.weight), start + x.shape[1]
        if end > max_len:
            raise ValueError(
                f"x: must have at most {max_len} positions (max_len), got {end}"
            )
        return x + self.weight[start:end]

    def extra_repr(self) -> str:
        """What `print(model)` shows between the brackets."""
        max_len, d_model = self.weight.shape
        return f"max_len={max_len}, d_model={d_model}"
