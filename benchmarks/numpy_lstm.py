"""Time an LSTM layer forward and backward: NumPy beside PyTorch, one thread each.

    python benchmarks/numpy_lstm.py [--out FILE]

Three implementations get the same float32 input, initial state, weights and gradient
of the outputs, and compute the outputs and the gradients of all the others:

- numpy: lstm_forward and lstm_backward of minis2s/numpy_ref/lstm.py;
- steps: a loop over lstm_step_forward and lstm_step_backward of the same file, which
  is vectorised NumPy without further arrangement;
- torch: torch.nn.LSTM and its autograd.

They must agree before they are timed. Then they take turns, so that whatever else the
machine does slows all of them. Environment variables that hold one library back are
removed first. Writes benchmarks/receipts/numpy-lstm.json.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from minis2s import receipt
from minis2s.checkpoint import write_json
from minis2s.numpy_ref.gradcheck import relative_error
from minis2s.numpy_ref.lstm import (
    lstm_backward,
    lstm_forward,
    lstm_step_backward,
    lstm_step_forward,
)

ROOT = Path(__file__).resolve().parents[1]
RECEIPT = ROOT / "benchmarks" / "receipts" / "numpy-lstm.json"

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
}
HANDICAPS = (
    *("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "NPY_DISABLE_CPU_FEATURES"),
    *("ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA"),
)
"""Variables with which NumPy or PyTorch would use less of the processor than it has."""
REMOVED = "MINIS2S_REMOVED_VARIABLES"
"""Tells the script, started anew, which of them were there."""

TOLERANCE = 1e-5
"""Largest relative error between two implementations, in float32."""
NAMES = (
    *("outputs", "h", "c", "grad_x", "grad_h", "grad_c"),
    *("grad_weight_input", "grad_weight_hidden", "grad_bias"),
)
"""What every implementation returns, in this order."""


class Problem(NamedTuple):
    """What all implementations are given."""

    x: np.ndarray
    state: tuple[np.ndarray, np.ndarray]
    weights: tuple[np.ndarray, np.ndarray, np.ndarray]
    """weight_input, weight_hidden, bias"""
    grad_outputs: np.ndarray


def make_problem(batch: int, length: int, d_input: int, d_hidden: int) -> Problem:
    """Random float32 arrays, the weights as a new layer would have them."""
    rng = np.random.default_rng(0)

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.normal(size=shape)).astype(np.float32)

    shapes = ((4 * d_hidden, d_input), (4 * d_hidden, d_hidden), (4 * d_hidden,))
    return Problem(
        x=normal(batch, length, d_input),
        state=(normal(batch, d_hidden), normal(batch, d_hidden)),
        weights=tuple(normal(*shape, scale=d_hidden**-0.5) for shape in shapes),
        grad_outputs=normal(batch, length, d_hidden),
    )


# --- the implementations ---


def run_numpy(problem: Problem) -> list[np.ndarray]:
    """The sequence as the reference wing computes it."""
    x, state, weights, grad_outputs = problem
    outputs, after, cache = lstm_forward(x, state, *weights)
    grad_x, grad_state, *grad_weights = lstm_backward(grad_outputs, None, cache)
    return [outputs, *after, grad_x, *grad_state, *grad_weights]


def run_steps(problem: Problem) -> list[np.ndarray]:
    """Step by step: there and back."""
    x, state, weights, grad_outputs = problem
    outputs, caches = np.empty_like(grad_outputs), []
    for t in range(x.shape[1]):
        state, cache = lstm_step_forward(x[:, t], state, *weights)
        outputs[:, t] = state[0]
        caches.append(cache)
    grad_x, grad_weights = np.empty_like(x), [np.zeros_like(w) for w in weights]
    grad_h, grad_c = (np.zeros_like(part) for part in state)
    for t in reversed(range(x.shape[1])):
        grad_h = grad_h + grad_outputs[:, t]
        grad_x[:, t], (grad_h, grad_c), *grads = lstm_step_backward(
            (grad_h, grad_c), caches[t]
        )
        for total, grad in zip(grad_weights, grads, strict=True):
            total += grad
    return [outputs, *state, grad_x, grad_h, grad_c, *grad_weights]


def make_torch(problem: Problem) -> Callable[[], list[torch.Tensor]]:
    """The library's layer with the same weights, its second bias zero."""
    x = torch.tensor(problem.x, requires_grad=True)
    state = [torch.tensor(part[None], requires_grad=True) for part in problem.state]
    grad_outputs = torch.tensor(problem.grad_outputs)
    weights = [torch.tensor(weight) for weight in problem.weights]
    d_hidden, d_input = weights[1].shape[1], weights[0].shape[1]
    layer = torch.nn.LSTM(d_input, d_hidden, batch_first=True)
    with torch.no_grad():
        for param, weight in zip(
            layer.parameters(), [*weights, torch.zeros_like(weights[2])], strict=True
        ):
            param.copy_(weight)
    wanted = [x, *state, *layer.parameters()]

    def run() -> list[torch.Tensor]:
        outputs, after = layer(x, tuple(state))
        *grads, _ = torch.autograd.grad(outputs, wanted, grad_outputs)
        return [outputs, *after, *grads]  # both biases have the same gradient

    return run


# --- agreeing, then timing ---


def check_agreement(runs: Mapping[str, Callable[[], list]]) -> None:
    """Raise unless all implementations compute the same as the first."""
    found = {
        name: [np.squeeze(torch.as_tensor(array).detach().numpy()) for array in run()]
        for name, run in runs.items()
    }
    first, *others = found
    for other in others:
        for what, a, b in zip(NAMES, found[first], found[other], strict=True):
            error = relative_error(a, b)
            if not error < TOLERANCE:
                raise ValueError(
                    f"{first} and {other} disagree on {what}: relative error "
                    f"{error:.1e}, at most {TOLERANCE:.0e} wanted"
                )


def time_in_turns(
    runs: Mapping[str, Callable[[], object]], n_runs: int, n_warm_up: int = 5
) -> dict[str, list[float]]:
    """Milliseconds of each run of each implementation, one after the other."""
    times = {name: [] for name in runs}
    for i in range(-n_warm_up, n_runs):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if i >= 0:
                times[name].append(1e3 * (time.perf_counter() - started))
    return times


def summarise(times: Mapping[str, list[float]]) -> dict:
    """Medians and quartiles in milliseconds, and the ratios of the medians."""
    rows, median = {}, {}
    for name, found in times.items():
        low, middle, high = np.quantile(found, [0.25, 0.5, 0.75]).round(3).tolist()
        rows[name] = {"median_ms": middle, "quartiles_ms": [low, high]}
        median[name] = middle
    ratios = {
        f"{a}/{b}": round(median[a] / median[b], 3)
        for a, b in (("numpy", "torch"), ("steps", "torch"), ("steps", "numpy"))
    }
    return {**rows, "ratios": ratios}


# --- the machine ---


def fair_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment with one thread for all, and without handicaps."""
    removed = {name: environment[name] for name in HANDICAPS if name in environment}
    kept = {name: environment[name] for name in environment if name not in removed}
    note = {REMOVED: json.dumps(removed)} if removed else {}
    return {**kept, **ONE_THREAD, **note}


def describe_libraries() -> dict:
    """The BLAS that NumPy was built with, and what both make of the processor."""
    numpy = np.show_config(mode="dicts")
    blas, simd = numpy["Build Dependencies"]["blas"], numpy["SIMD Extensions"]
    keys = ("name", "version", "openblas configuration")
    return {
        "blas": {key: blas[key] for key in keys if key in blas},
        "numpy_cpu_features": [*simd.get("baseline", []), *simd.get("found", [])],
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch_mkldnn": torch.backends.mkldnn.is_available(),
    }


def measure(
    batch: int = 64,
    length: int = 30,
    d_input: int = 256,
    d_hidden: int = 256,
    n_runs: int = 30,
) -> dict:
    """Compare, time, and return the receipt."""
    started = time.perf_counter()
    sizes = {"batch": batch, "len": length, "d_input": d_input, "d_hidden": d_hidden}
    problem = make_problem(*sizes.values())
    runs = {
        "numpy": lambda: run_numpy(problem),
        "steps": lambda: run_steps(problem),
        "torch": make_torch(problem),
    }
    check_agreement(runs)
    times = time_in_turns(runs, n_runs)
    return receipt.make_receipt(
        command=shlex.join(["python", "benchmarks/numpy_lstm.py", *sys.argv[1:]]),
        config={**sizes, "dtype": "float32", "runs": n_runs},
        seed=0,
        seconds=time.perf_counter() - started,
        device="cpu",
        threads=torch.get_num_threads(),
        data_sha256={},
        metrics=summarise(times),
        removed_variables=json.loads(os.environ.get(REMOVED, "{}")),
        libraries=describe_libraries(),
    )


def main() -> None:
    """Measure in a fair environment, print and keep the receipt."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--out", type=Path, default=RECEIPT, help="receipt to write")
    out = options.parse_args().out
    fair = fair_environment(os.environ)
    if fair != dict(os.environ):
        # A library reads them when it is loaded, so only a new process will do.
        again = [sys.executable, __file__, *sys.argv[1:]]
        sys.exit(subprocess.run(again, env=fair, check=False).returncode)
    torch.set_num_threads(1)
    found = measure()
    print(json.dumps(found["metrics"], indent=2))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, found)
    print(out)


if __name__ == "__main__":
    main()
