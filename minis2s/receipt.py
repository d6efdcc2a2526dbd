"""Where a number came from: command, settings, code, machine, data, time.

Every run, benchmark and published table carries one.
"""

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "torch", "sentencepiece", "sacrebleu", "safetensors")


def make_receipt(
    *,
    command: str,
    config: dict[str, Any],
    seed: int | None,
    seconds: float,
    device: str,
    threads: int,
    data_sha256: dict[str, str],
    metrics: dict[str, Any],
    **more: Any,
) -> dict[str, Any]:
    """Everything needed to make the same number again, ready for JSON.

    Args:
        command: as typed.
        config: settings that differ from run to run.
        seed: of all randomness; None if there was none.
        seconds: of wall-clock time.
        device: what it was computed on.
        threads: of the arithmetic library.
        data_sha256: what was read, by name.
        metrics: the numbers, with the signature of their scorer.
        more: further facts, such as tokens_per_s.
    """
    return {
        "command": command,
        "config": config,
        "seed": seed,
        "commit": commit(),
        "versions": versions(),
        "hardware": f"{cpu_name()}, {os.cpu_count()} cores; {device}",
        "threads": threads,
        "seconds": round(seconds, 1),
        "date": datetime.now(UTC).date().isoformat(),
        "data_sha256": data_sha256,
        "metrics": metrics,
        **more,
    }


def command_line() -> str:
    """The command that runs now, as a user would type it."""
    return shlex.join(["minis2s", *sys.argv[1:]])


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a result depends on."""
    found = {name: metadata.version(name).partition("+")[0] for name in LIBRARIES}
    return {"python": platform.python_version(), **found}


def commit() -> str:
    """The commit of the code, marked dirty if it was changed; unknown outside git."""
    here = Path(__file__)

    def git(*words: str) -> str:
        # Without the lock, so as not to disturb a commit that is being made.
        command = ["git", "--no-optional-locks", "-C", str(here.parent), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        # A copy installed inside someone else's repository is not of their commit.
        git("ls-files", "--error-unmatch", here.name)
        dirty = git("status", "--porcelain", "--untracked-files=no", ".")
        return git("rev-parse", "HEAD") + ("-dirty" if dirty else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def cpu_name() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def peak_memory_mib() -> float | None:
    """Largest resident memory of this process so far; None where nobody counts it."""
    try:
        import resource  # Windows has none
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
