"""Receipts: every field there, of the right commit, and ready for JSON."""

import builtins
import json
import os
import re
import shlex
import subprocess
import sys

import pytest

from minis2s import receipt


@pytest.fixture
def facts():
    """What a run tells about itself."""
    return {
        "command": "minis2s train",
        "config": {"model": {"d_embed": 3}},
        "seed": 7,
        "seconds": 12.34567,
        "device": "cpu",
        "threads": 2,
        "data_sha256": {"train": "ab"},
        "metrics": {"bleu": 31.5, "signature": "nrefs:1"},
    }


FIELDS = [
    *("command", "config", "seed", "commit", "versions", "hardware", "threads"),
    *("seconds", "date", "data_sha256", "metrics"),
]


def test_every_field_is_there(facts):
    """A receipt has what DESIGN.md asks for, and nothing else unless it is given."""
    assert list(receipt.make_receipt(**facts)) == FIELDS


@pytest.mark.parametrize("name", ["command", "config", "seed", "threads", "metrics"])
def test_facts_are_passed_on(facts, name):
    """What a run tells stands in its receipt as it was told."""
    assert receipt.make_receipt(**facts)[name] == facts[name]


def test_further_facts_are_added(facts):
    """More facts may follow the others."""
    found = receipt.make_receipt(**facts, steps=11, tgt_tokens_per_s=None)
    assert list(found) == [*FIELDS, "steps", "tgt_tokens_per_s"]


def test_receipt_is_json(facts):
    """A receipt goes through strict JSON unchanged, whatever the machine knows."""
    found = receipt.make_receipt(**facts, peak=receipt.peak_memory_mib())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_seed_may_be_none(facts):
    """What draws nothing has no seed."""
    assert receipt.make_receipt(**{**facts, "seed": None})["seed"] is None


def test_seconds_are_rounded(facts):
    """Nobody needs nanoseconds."""
    assert receipt.make_receipt(**facts)["seconds"] == 12.3


def test_date_is_a_day(facts):
    """The date is a day in ISO's form."""
    date = receipt.make_receipt(**facts)["date"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", date)


def test_hardware_names_processor_and_device(facts):
    """Processor, number of cores and device stand in one line."""
    hardware = receipt.make_receipt(**facts)["hardware"]
    assert hardware == f"{receipt.cpu_name()}, {os.cpu_count()} cores; cpu"


@pytest.mark.parametrize("library", ["python", *receipt.LIBRARIES])
def test_versions(library):
    """Every library has its version, without the build that follows a plus sign."""
    assert re.fullmatch(r"\d+\.\d+[\w.]*", receipt.versions()[library])


# --- the command ---


@pytest.mark.parametrize(
    "words",
    [
        ["data", "list"],
        ["attend", "run", "Ein Hund, der schläft."],
        ["translate", ""],
        ["train", "--set", "train.dropout=0.3", "--out", "it's here"],
        ["evaluate", "$HOME/*.de", "a;b", 'say "x"'],
    ],
)
def test_command_line_can_be_typed_again(monkeypatch, words):
    """A shell splits the command into the words that were given."""
    monkeypatch.setattr(sys, "argv", ["/somewhere/minis2s", *words])
    assert shlex.split(receipt.command_line()) == ["minis2s", *words]


def test_plain_words_are_not_quoted(monkeypatch):
    """A command without odd words reads as it was typed."""
    words = ["train", "--corpus", "multi30k", "--set", "train.lr=0.001"]
    monkeypatch.setattr(sys, "argv", ["minis2s", *words])
    assert receipt.command_line() == " ".join(["minis2s", *words])


# --- the commit ---


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git repository with a copy of the module; returns a function that runs git."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "x")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "x@example.org")
    (tmp_path / "receipt.py").write_text("pass\n")
    (tmp_path / "other.py").write_text("pass\n")
    monkeypatch.setattr(receipt, "__file__", str(tmp_path / "receipt.py"))

    def git(*words):
        command = ["git", "-C", str(tmp_path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True)

    return git


def commit_all(git, *files):
    """Make a repository of some files; returns the commit."""
    git("init")
    git("add", *files)
    git("commit", "-m", "x")
    return git("rev-parse", "HEAD").stdout.strip()


def test_commit_of_clean_code(repository):
    """Unchanged code has the commit's 40 digits."""
    head = commit_all(repository, "receipt.py", "other.py")
    assert receipt.commit() == head
    assert re.fullmatch("[0-9a-f]{40}", head)


def test_commit_of_changed_code(repository, tmp_path):
    """Code that was changed since says so."""
    head = commit_all(repository, "receipt.py", "other.py")
    (tmp_path / "other.py").write_text("changed\n")
    assert receipt.commit() == f"{head}-dirty"


def test_commit_of_an_installed_copy(repository):
    """A copy inside someone else's repository has not that repository's commit."""
    commit_all(repository, "other.py")
    assert receipt.commit() == "unknown"


def test_commit_outside_git(repository):
    """Where there is no repository the commit is unknown, not an error."""
    assert receipt.commit() == "unknown"


def test_commit_without_git(repository, monkeypatch):
    """Where git is not installed the commit is unknown, not an error."""
    commit_all(repository, "receipt.py")
    monkeypatch.setenv("PATH", "")
    assert receipt.commit() == "unknown"


# --- the machine ---


def test_peak_memory_is_what_this_process_has_taken():
    """The peak is at least what was allocated at once, in MiB."""
    block = bytearray(range(256)) * (64 * 2**12)  # 64 MiB, every page written
    peak = receipt.peak_memory_mib()
    assert len(block) / 2**20 < peak < 2**20


def test_peak_memory_where_nobody_counts(monkeypatch):
    """Windows has no such count; the receipt then says null, which JSON can hold."""
    known = builtins.__import__

    def without_resource(name, *args, **kwargs):
        if name == "resource":
            raise ImportError(name)
        return known(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_resource)
    assert receipt.peak_memory_mib() is None


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        ("processor: 0\nmodel name\t: Tiny 3000\nmodel name\t: Tiny 3000\n", "Tiny"),
        ("processor: 0\n", receipt.platform.machine()),
        (None, receipt.platform.processor() or receipt.platform.machine()),
    ],
)
def test_cpu_name(monkeypatch, cpuinfo, name):
    """The name comes from the system, as far as it tells."""

    def read_text(path, **kwargs):
        if cpuinfo is None:
            raise FileNotFoundError
        return cpuinfo

    monkeypatch.setattr(receipt.Path, "read_text", read_text)
    assert receipt.cpu_name().startswith(name)
