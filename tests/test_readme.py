"""README is true: its tables, its commands, its files, and what conda users get."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from minis2s import __main__

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    ((?:echo .*\| )?minis2s .*)$", README, re.MULTILINE)


def load(path):
    """A script of the repository as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_come_from_receipts():
    """`python benchmarks/tables.py` would change nothing."""
    assert load(ROOT / "benchmarks" / "tables.py").with_tables(README) == README


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if " train " not in c], ids=lambda c: c[:40]
)
def test_commands_run_as_printed(command, tmp_path):
    """Each example of translate, attend and evaluate ends well and says something."""
    words = command.replace("minis2s", f"{shlex.quote(sys.executable)} -m minis2s", 1)
    words = re.sub(r"-o (\S+)", rf"-o {tmp_path}/\1", words)
    done = subprocess.run(
        ["bash", "-c", words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if " train " in c], ids=lambda c: c[:60]
)
def test_training_commands_are_understood(command, tmp_path, monkeypatch, capsys):
    """Every flag of a printed training exists; without its data it stops there."""
    monkeypatch.setenv("MINIS2S_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    if "--corpus reverse" in command:
        command += " --device nowhere"  # stops it before it trains
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit):
        __main__.main()
    err = capsys.readouterr().err
    assert re.search("does not exist|is not in|--device must be", err), err


MODELS = sorted((ROOT / "data" / "models").iterdir())
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)


@each_model
def test_a_shipped_model_is_what_its_receipt_says(model):
    """The command that README and its card print is the one that made it."""
    receipt = json.loads((model / "receipt.json").read_text(encoding="utf-8"))
    assert receipt["command"] in COMMANDS
    assert f"    {receipt['command']}\n" in (model / "README.md").read_text("utf-8")
    assert not receipt["commit"].endswith("-dirty")


@each_model
def test_a_shipped_model_is_small_enough(model):
    """At most 6,000,000 bytes, tokenizer, receipt, log and card included."""
    assert sum(file.stat().st_size for file in model.iterdir()) <= 6_000_000


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"\]\(([^)h#][^)]*)\)", README)))
)
def test_links_lead_somewhere(path):
    """Every relative link names a file of the repository."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize("path", re.findall(r"^\d+\. `([^`]+)`", README, re.MULTILINE))
def test_files_to_read_exist(path):
    """The ten files are there."""
    assert (ROOT / path).is_file()


def test_targets_exist():
    """Every `make TARGET` that README names is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"\bmake ([a-z]+)\b", README)) <= targets


def requirements():
    """Everything that pyproject lists, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    return {*project["dependencies"], *(name for extra in extras for name in extra)}


def test_conda_gets_the_same_packages():
    """environment.yml names what pyproject names, and the same ranges."""
    text = (ROOT / "environment.yml").read_text()
    listed = re.findall(r"^ {6}- (?!--)(\S+)$", text, re.MULTILINE)
    assert set(listed) == requirements()
    assert len(listed) == len(set(listed))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"- python{project['requires-python']}" in text


def test_constraints_cover_every_requirement():
    """Each package of pyproject has its tested version."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    wanted = {re.match(r"[\w.-]+", name)[0].lower() for name in requirements()}
    assert wanted <= pinned


def test_the_environment_is_stale_when_its_sources_change(tmp_path, monkeypatch):
    """make_env.py renews `.venv` if pyproject.toml or constraints.txt changed."""
    make_env = load(ROOT / "make_env.py")
    for name in make_env.SOURCES:
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(make_env, "ROOT", tmp_path)
    monkeypatch.setattr(make_env, "STAMP", tmp_path / "stamp")
    assert not make_env.is_fresh()
    make_env.STAMP.write_text(make_env.fingerprint())
    assert make_env.is_fresh()
    (tmp_path / "constraints.txt").write_text("numpy==1.0\n")
    assert not make_env.is_fresh()


def test_nothing_large_or_foreign_is_tracked():
    """No file over 1 MB outside data/models, no pickle, no path of a machine."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in listed:
        file = ROOT / name
        assert file.suffix not in {".pkl", ".pickle", ".pt", ".pth", ".bin"}, name
        if not name.startswith("data/models/") and file.exists():
            assert file.stat().st_size <= 1_000_000, name
