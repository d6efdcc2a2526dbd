"""Make `.venv` with everything the course needs; `make` calls this, and so may you.

    python make_env.py            make the environment if it is missing or stale
    python make_env.py --check    only say so: exit code 1 if it is

Needs the standard library alone. The environment is stale when pyproject.toml or
constraints.txt has changed. PIP_ARGS in the environment is passed to pip as it is.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
ENV = ROOT / ".venv"
STAMP = ENV / "made-from.sha256"
SOURCES = ("pyproject.toml", "constraints.txt")
PYTHONS = (3, 11), (3, 13)


def fingerprint() -> str:
    """Hash of what the environment is made from."""
    content = b"".join((ROOT / name).read_bytes() for name in SOURCES)
    place = f"{ROOT} {sys.version}"  # an environment cannot be moved
    return hashlib.sha256(content + place.encode()).hexdigest()


def is_fresh() -> bool:
    """Whether the environment is there and made from the present files."""
    return STAMP.is_file() and STAMP.read_text() == fingerprint()


def python_of(env: Path) -> Path:
    """The environment's interpreter, on any system."""
    windows = env / "Scripts" / "python.exe"
    return windows if os.name == "nt" else env / "bin" / "python"


def make() -> None:
    """Make the environment from nothing; one that failed is not taken for ready."""
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        low, high = (".".join(map(str, version)) for version in PYTHONS)
        sys.exit(
            f"make_env.py: Python {low} to {high} is needed, this is "
            f"{sys.version.split()[0]}; name another with PYTHON=..."
        )
    print(f"making the environment in {ENV.name}/ (a few minutes, once)", flush=True)
    if ENV.exists():
        shutil.rmtree(ENV)
    venv.create(ENV, with_pip=True)
    pip = [str(python_of(ENV)), "-m", "pip", "install", "--quiet"]
    extra = shlex.split(os.environ.get("PIP_ARGS", ""))
    command = [
        *pip,
        *extra,
        "--constraint",
        "constraints.txt",
        "--editable",
        ".[lab,dev]",
    ]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit("make_env.py: pip failed; its message stands above")
    STAMP.write_text(fingerprint())
    print(f"ready: {python_of(ENV).relative_to(ROOT)}", flush=True)


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(0 if is_fresh() else 1)
    if not is_fresh():
        make()
