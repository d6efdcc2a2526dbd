"""What a layer is here: parameters with names, their gradients, and layers inside it.

A `Layer` holds two dicts with equal keys, `params` and `grads`, and may have other
layers as attributes. From these alone follow the dotted names that the torch twin
gives its parameters, e.g. `encoder.layers.0.fwd.weight_input`. It remembers nothing of
a call: what `backward` needs is in the cache that `forward` returned.

Below it are the layers that many models share: `Linear`, `LayerNorm` and `Dropout`.

Twin: none; torch.nn brings its own Module, Linear, LayerNorm and Dropout.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Float

from minis2s.numpy_ref.functional import (
    DropoutCache,
    LayerNormCache,
    LinearCache,
    dropout_backward,
    dropout_forward,
    layer_norm_backward,
    layer_norm_forward,
    linear_backward,
    linear_forward,
)


class Layer:
    """Parameters, their gradients, and the layers inside.

    An array that two layers share has one name, the first; what either adds to its
    gradient lands in one place. So parameters are updated in place (`param -= ...`).

    Args:
        **params: the parameters of this layer itself, in order.

    Attributes:
        params: the parameters by name.
        grads: what `backward` has added up for each of them so far; zero at first.
    """

    def __init__(self, **params: np.ndarray) -> None:
        self.params = params
        self.grads = {name: np.zeros_like(param) for name, param in params.items()}

    def named_layers(self, prefix: str = "") -> Iterator[tuple[str, "Layer"]]:
        """This layer and all inside it, each with what its names begin with."""
        yield prefix, self
        for name, inside in vars(self).items():
            if isinstance(inside, Layer):
                yield from inside.named_layers(f"{prefix}{name}.")
            elif isinstance(inside, list):
                for i, layer in enumerate(inside):
                    yield from layer.named_layers(f"{prefix}{name}.{i}.")

    def named_parameters(self) -> Iterator[tuple[str, np.ndarray]]:
        """Every parameter once, with its dotted name."""
        for name, param, _ in self._named_pairs():
            yield name, param

    def named_gradients(self) -> Iterator[tuple[str, np.ndarray]]:
        """The gradient of every parameter, under the same names in the same order."""
        for name, _, grad in self._named_pairs():
            yield name, grad

    def _named_pairs(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        seen = set()
        for prefix, layer in self.named_layers():
            for name, param in layer.params.items():
                if id(param) not in seen:
                    seen.add(id(param))
                    yield prefix + name, param, layer.grads[name]

    def zero_gradients(self) -> None:
        """Forget what `backward` has added up."""
        for _, grad in self.named_gradients():
            grad[...] = 0.0

    def share(self, name: str, layer: "Layer") -> None:
        """Use another layer's parameter of that name as one's own."""
        self.params[name] = layer.params[name]
        self.grads[name] = layer.grads[name]

    def load(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take copies of the given parameters, in the precision that they have.

        A model loaded with float32 computes in float32. Gradients begin at zero.

        Args:
            weights: an array for each name of `named_parameters`.

        Raises:
            ValueError: if a name is missing or unknown, or a shape is another.
        """
        held = dict(self.named_parameters())
        if held.keys() != weights.keys():
            differing = ", ".join(sorted(held.keys() ^ weights.keys()))
            raise ValueError(f"weights: names missing or unknown: {differing}")
        fresh = {}
        for name, param in held.items():
            if weights[name].shape != param.shape:
                raise ValueError(
                    f"weights: {name} must have shape {param.shape}, got "
                    f"{weights[name].shape}"
                )
            copy = np.array(weights[name])
            fresh[id(param)] = copy, np.zeros_like(copy)
        for _, layer in self.named_layers():
            for name, param in layer.params.items():
                # Loaded already if this layer stands in two places.
                if id(param) in fresh:
                    layer.params[name], layer.grads[name] = fresh[id(param)]

    def add_gradients(self, *grads: np.ndarray) -> None:
        """Add to the gradients of this layer's own parameters, in their order."""
        for name, grad in zip(self.params, grads, strict=True):
            self.grads[name] += grad


class Linear(Layer):
    """A linear map of the last axis, with a bias: see linear_forward.

    Args:
        d_in: width of the input.
        d_out: width of the result.
        rng: draws weight and bias, uniformly within 1 / sqrt(d_in).
    """

    def __init__(self, d_in: int, d_out: int, rng: np.random.Generator) -> None:
        bound = d_in**-0.5
        super().__init__(
            weight=rng.uniform(-bound, bound, size=(d_out, d_in)),
            bias=rng.uniform(-bound, bound, size=d_out),
        )

    def forward(
        self, x: Float[np.ndarray, "*rows d_in"]
    ) -> tuple[Float[np.ndarray, "*rows d_out"], LinearCache]:
        """The result, and the cache for `backward`."""
        return linear_forward(x, **self.params)

    def backward(
        self, grad_out: Float[np.ndarray, "*rows d_out"], cache: LinearCache
    ) -> Float[np.ndarray, "*rows d_in"]:
        """grad_x; the gradients of weight and bias are added up."""
        grad_x, *grads = linear_backward(grad_out, cache)
        self.add_gradients(*grads)
        return grad_x


class LayerNorm(Layer):
    """Gives every row mean 0 and variance 1, then a scale: see layer_norm_forward.

    Args:
        d_model: width of a row. The weight begins at 1, the bias at 0.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__(weight=np.ones(d_model), bias=np.zeros(d_model))

    def forward(
        self, x: Float[np.ndarray, "*rows d_model"]
    ) -> tuple[Float[np.ndarray, "*rows d_model"], LayerNormCache]:
        """The result, and the cache for `backward`."""
        return layer_norm_forward(x, **self.params)

    def backward(
        self, grad_out: Float[np.ndarray, "*rows d_model"], cache: LayerNormCache
    ) -> Float[np.ndarray, "*rows d_model"]:
        """grad_x; the gradients of weight and bias are added up."""
        grad_x, *grads = layer_norm_backward(grad_out, cache)
        self.add_gradients(*grads)
        return grad_x


class Dropout(Layer):
    """Silences entries at random in training, and does nothing else.

    There is no training mode to forget about: who passes a generator trains, who
    passes None does not.

    Args:
        rate: share of the entries that are silenced; below 1.

    Raises:
        ValueError: if the rate is negative, or 1 and above.
    """

    def __init__(self, rate: float) -> None:
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"rate: must be from 0 to below 1, got {rate}")
        super().__init__()
        self.rate = rate

    def forward(
        self, x: Float[np.ndarray, "..."], rng: np.random.Generator | None
    ) -> tuple[Float[np.ndarray, "..."], DropoutCache | None]:
        """The input with gaps, and the cache for `backward` (None: no gaps)."""
        if rng is None or self.rate == 0.0:
            return x, None
        keep = rng.random(x.shape, dtype=np.float32) >= self.rate
        return dropout_forward(x, keep, self.rate)

    def backward(
        self, grad_out: Float[np.ndarray, "..."], cache: DropoutCache | None
    ) -> Float[np.ndarray, "..."]:
        """grad_x: what was silenced hears nothing back."""
        return grad_out if cache is None else dropout_backward(grad_out, cache)
