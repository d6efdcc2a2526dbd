"""What `make demo` shows: a real translation and its attention map, then a toy one.

Every step is a command that you could type yourself; it is printed before it runs.
"""

import os
import shlex
import shutil
import sys
import time
from pathlib import Path

from minis2s.cli import app
from minis2s.text.corpora import load

ROOT = Path(__file__).resolve().parent
MODEL = "data/models/de-en-lstm"
VERB_LAST = 2  # of the seven sentences, the one whose clause keeps its verb for the end


def run(*words: str) -> None:
    """Print a command as it would be typed, then run it here."""
    print("\n$", shlex.join(["minis2s", *words]), flush=True)
    sys.argv = ["minis2s", *words]  # what a receipt calls the command
    app(standalone_mode=False)


def main() -> None:
    """Translate, draw, score; then train a toy translator and do it again."""
    os.chdir(ROOT)
    started = time.perf_counter()
    shutil.rmtree("demo", ignore_errors=True)
    Path("demo").mkdir()
    captions = load("captions-de-en", "test", "de", "en")

    print("A translator trained on 29,000 captions, and where it looks:")
    run("attend", MODEL, captions.src[VERB_LAST], "-o", "demo/verb-last.png")
    print("\nSeven sentences that every model of the course meets:")
    Path("demo/seven.de").write_text("\n".join(captions.src[:7]) + "\n", "utf-8")
    print(Path("demo/seven.de").read_text("utf-8"), end="")
    run("translate", MODEL, "--input", "demo/seven.de")
    print("\nIts score on 60 captions that it has never seen:")
    run("evaluate", MODEL, "--corpus", "captions-de-en")

    print("\nNow a toy, trained before your eyes: write a word backwards.")
    run("train", "--corpus", "reverse", "--preset", "tiny", "--out", "demo/reverse")
    run("evaluate", "demo/reverse", "--corpus", "reverse")
    run("attend", "demo/reverse", "attention", "-o", "demo/backwards.png")

    seconds = time.perf_counter() - started
    print(f"\nDone in {seconds:.0f} s. Open demo/verb-last.png and demo/backwards.png,")
    print("then run `make lab` and begin with 00_start_here.ipynb.")


if __name__ == "__main__":
    sys.exit(main())
