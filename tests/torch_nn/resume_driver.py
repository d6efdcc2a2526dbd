"""Train in a child process that is killed without warning; used by test_experiment.

    python resume_driver.py FOLDER SEED

Trains once undisturbed into FOLDER/whole. Then, ten times, trains into another folder,
is killed by SIGKILL after a random number of milliseconds, and resumes to the end. The
children are forked before any arithmetic, so that no attempt pays for imports.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from minis2s.config import TokenizerConfig, TrainConfig
from minis2s.text.corpora import ParallelText
from minis2s.torch_nn.experiment import Experiment, Settings

WORDS = [a + b + c for a in "abcd" for b in "efgh" for c in "ijkl"]
TEXT = ParallelText(WORDS, [word[::-1] for word in WORDS], "")


def train(out: Path, resume: bool) -> None:
    """Some thirty steps with dropout; about a second."""
    torch.set_num_threads(1)
    settings = Settings(
        kind="rnn",
        model={"d_embed": 16, "d_hidden": 24, "d_decoder": 32},
        train=TrainConfig(epochs=4, batch_tokens=48, valid_every=3),
        tokenizer=TokenizerConfig(kind="char"),
        lower=False, src="", tgt="", seed=5, data_sha256={},
    )  # fmt: skip
    experiment = Experiment(
        settings, TEXT, TEXT, out, device=torch.device("cpu"), resume=resume
    )
    for _ in experiment.run():
        time.sleep(0.005)  # so that the kill falls anywhere, not only into saving
    experiment.finish("resume_driver")


def attempt(out: Path, resume: bool, kill_after_s: float | None) -> bool:
    """Train in a child; returns whether it came to its end."""
    child = os.fork()
    if child == 0:
        train(out, resume)
        os._exit(0)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def main(folder: Path, seed: int) -> None:
    """One whole training, then ten that are killed."""
    rng = random.Random(seed)
    started = time.perf_counter()
    assert attempt(folder / "whole", resume=False, kill_after_s=None)
    seconds = time.perf_counter() - started
    for i in range(10):
        # The first kill comes before anything can have been saved.
        moment = 0.01 if i == 0 else rng.uniform(0, seconds)
        out = folder / f"killed-{i}"
        if not attempt(out, resume=False, kill_after_s=moment):
            attempt(out, resume=True, kill_after_s=rng.uniform(0, seconds))
            finished = (out / "config.json").exists()
            state_left = (out / "train_state.safetensors").exists()
            if not finished or state_left:
                assert attempt(out, resume=True, kill_after_s=None)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
