"""Train in a child process that is killed without warning; used by test_experiment.

    python resume_driver.py FOLDER SEED

Trains twice undisturbed, into FOLDER/whole-False and FOLDER/whole-True, the second time
with a teacher, accumulated batches and means of the weights. Then, ten times, trains
like one of them into another folder, is killed by SIGKILL after a random number of
milliseconds, and resumes to the end. The
children are forked before any arithmetic, so that no attempt pays for imports.
"""

import dataclasses
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from minis2s.checkpoint import load_run, save_run
from minis2s.config import RNNConfig, TokenizerConfig, TrainConfig
from minis2s.text.corpora import ParallelText
from minis2s.text.tokenizers import EOS_ID, CharTokenizer
from minis2s.torch_nn import distillation
from minis2s.torch_nn.experiment import Experiment, Settings
from minis2s.torch_nn.models import make_model

WORDS = [a + b + c for a in "abcd" for b in "efgh" for c in "ijkl"]
TEXT = ParallelText(WORDS, [word[::-1] for word in WORDS], "")


SIZES = {"d_embed": 16, "d_hidden": 24, "d_decoder": 32}
PLAIN = TrainConfig(epochs=4, batch_tokens=48, valid_every=3)
RICH = dataclasses.replace(PLAIN, accumulate=2, ema=0.9, average=3)


def make_teacher(path: Path) -> None:
    """A run that was never trained, for the rich trainings to learn from."""
    torch.manual_seed(0)
    tokenizer = CharTokenizer.learn(WORDS, 100, 1)
    sizes = RNNConfig(vocab_size=len(tokenizer.pieces), **SIZES)
    model = make_model(sizes)
    weights = {n: p.detach().numpy() for n, p in model.named_parameters()}
    weights["decoder.output.bias"][EOS_ID] += 2.0  # it says little, and so is quick
    save_run(path, weights, sizes, tokenizer, src="", tgt="", max_len=100)


def train(out: Path, resume: bool, rich: bool) -> None:
    """Some thirty steps with dropout; about a second.

    A rich training also has a teacher, and everything that is kept beside the weights.
    """
    torch.set_num_threads(1)
    distillation.CHUNK = 16
    if rich and not (out.parent / "teacher").exists():
        make_teacher(out.parent / "teacher")
    settings = Settings(
        kind="rnn",
        model=SIZES,
        train=RICH if rich else PLAIN,
        tokenizer=TokenizerConfig(kind="char"),
        lower=False, src="", tgt="", seed=5, data_sha256={},
    )  # fmt: skip
    experiment = Experiment(
        settings, TEXT, TEXT, out, device=torch.device("cpu"), resume=resume,
        teacher=load_run(out.parent / "teacher") if rich else None,
    )  # fmt: skip
    for _ in experiment.run():
        time.sleep(0.005)  # so that the kill falls anywhere, not only into saving
    experiment.finish("resume_driver")


def attempt(out: Path, resume: bool, kill_after_s: float | None, rich: bool) -> bool:
    """Train in a child; returns whether it came to its end."""
    child = os.fork()
    if child == 0:
        train(out, resume, rich)
        os._exit(0)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def main(folder: Path, seed: int) -> None:
    """Two whole trainings, plain and rich, then five of each that are killed."""
    rng = random.Random(seed)
    seconds = {}
    for rich in (False, True):
        started = time.perf_counter()
        assert attempt(folder / f"whole-{rich}", False, None, rich)
        seconds[rich] = time.perf_counter() - started
    for i in range(10):
        rich = i % 2 == 1
        # The first kill of each comes before anything can have been saved.
        moment = 0.01 if i < 2 else rng.uniform(0, seconds[rich])
        out = folder / f"killed-{i}"
        if not attempt(out, False, moment, rich):
            attempt(out, True, rng.uniform(0, seconds[rich]), rich)
            finished = (out / "config.json").exists()
            state_left = (out / "train_state.safetensors").exists()
            if not finished or state_left:
                assert attempt(out, True, None, rich)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
