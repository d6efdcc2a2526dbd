"""The museum: each bug of the field fails a test of ours; the harness is honest."""

import json
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from minis2s.museum.catalogue import EXHIBITS
from minis2s.museum.equivalent import EQUIVALENT
from minis2s.museum.exhibit import Exhibit
from minis2s.museum.run import ROOT, copies, make_job, run
from minis2s.museum.table import TABLE
from minis2s.museum.worker import changed, in_new_interpreter

each_exhibit = pytest.mark.parametrize(
    "exhibit", [*EXHIBITS, *EQUIVALENT], ids=lambda exhibit: exhibit.name
)


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """The verdicts, the seconds and the table of one run of everything."""
    folder = tmp_path_factory.mktemp("museum")
    files = ["--json", folder / "verdicts.json", "--output", folder / "table.md"]
    done = subprocess.run(
        [sys.executable, "-m", "minis2s.museum", *files],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (folder / "verdicts.json").exists(), done.stderr
    report = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))
    return types.SimpleNamespace(
        code=done.returncode,
        seconds=report["seconds"],
        verdicts=report["verdicts"],
        table=(folder / "table.md").read_text(encoding="utf-8"),
    )


def test_every_bug_is_killed(visit):
    """No exhibit survives its tests, and none is an error of the museum."""
    odd = [v for v in visit.verdicts if v["outcome"] not in ("killed", "clean")]
    assert not odd
    assert visit.code == 0
    assert len(visit.verdicts) == len(EXHIBITS) + 1


def test_the_package_as_it_is_passes(visit):
    """The tests that kill fail for the bug alone."""
    (clean,) = [v for v in visit.verdicts if v["name"] == "as it is"]
    assert clean["outcome"] == "clean", clean["message"]


def test_the_table_is_that_of_this_run(visit):
    """README.md of the museum is what `make museum` would write."""
    assert Path(TABLE).read_text(encoding="utf-8") == visit.table


def test_a_visit_takes_two_minutes_of_two_cores(visit):
    """Counted in seconds of computing, which the load of the machine moves less.

    On two cores of an AMD EPYC it is 138 s alone, and 169 s beside seven other jobs.
    """
    assert visit.seconds["cpu"] <= 2 * 120


def test_there_is_something_to_see():
    """At least forty bugs, three changes that are none, and no name twice."""
    names = [exhibit.name for exhibit in (*EXHIBITS, *EQUIVALENT)]
    assert len(EXHIBITS) >= 40
    assert len(EQUIVALENT) >= 3
    assert len(set(names)) == len(names)


@each_exhibit
def test_a_bug_can_be_put_in_its_place(exhibit):
    """`before` stands in its file exactly once, and with `after` it is still Python."""
    assert exhibit.mutated() != exhibit.source()


@each_exhibit
def test_every_story_is_told(exhibit):
    """A sentence each for what it is, where it was seen and how it shows."""
    assert exhibit.story.endswith(".")
    assert exhibit.seen
    assert exhibit.symptom
    assert not exhibit.title.endswith(".")
    assert bool(exhibit.tests) != bool(exhibit.reason)


# --- changes that are no bugs ---


def module_of(exhibit, source):
    """The exhibit's file, run from the given source."""
    name = f"minis2s.{exhibit.file.removesuffix('.py').replace('/', '.')}"
    module = types.ModuleType(name)
    exec(compile(source, exhibit.file, "exec"), module.__dict__)
    return module


def masked_weights(module, rng):
    """Softmax of 10,000 rows of five, ragged, some of them empty."""
    lengths = rng.integers(6, size=(10_000, 1))
    scores = rng.normal(size=(10_000, 5)) * 10.0 ** rng.integers(-2, 5, (10_000, 1))
    return module.masked_softmax_forward(scores, np.arange(5) < lengths)[0]


def decayed(module, rng):
    """10,000 weights after one step, with many rates and decays."""
    weights, gradients = rng.normal(size=(2, 100, 100))
    steps = [
        module.sgd_update(w, g, (), lr=rng.random(), weight_decay=rng.random(), step=1)
        for w, g in zip(weights, gradients, strict=True)
    ]
    return np.array([after for after, _ in steps])


def perplexities(module, rng):
    """Of 10,000 losses from 0 to 20 nats."""
    return np.array([module.perplexity(loss) for loss in 20 * rng.random(10_000)])


def attended(module, rng):
    """Contexts of 10,000 queries, each with keys of its own."""
    query = rng.normal(size=(10_000, 1, 3))
    key, value = rng.normal(size=(2, 10_000, 5, 3))
    mask = rng.random((10_000, 1, 5)) < 0.7
    return module.dot_attention_forward(query, key, value, mask, scaled=True)[0]


def attended_by_heads(module, rng):
    """Contexts of 10,000 queries of two heads, with random biases."""
    layer = module.MultiHeadAttention(3, 3, 4, 2, rng)
    for _, parameter in layer.named_parameters():
        parameter[...] = rng.normal(size=parameter.shape)
    query = rng.normal(size=(10_000, 1, 3))
    key, value = rng.normal(size=(2, 10_000, 5, 3))
    mask = rng.random((10_000, 1, 5)) < 0.7
    return layer.forward(query, key, value, mask)[0]


ANSWERS = {
    "small-number-in-the-denominator": masked_weights,
    "decay-outside-the-gradient": decayed,
    "perplexity-by-two": perplexities,
    "queries-scaled": attended,
    "key-bias-dropped": attended_by_heads,
}
"""Name of a change that is no bug -> what a module answers to 10,000 inputs."""


def test_each_change_that_is_no_bug_is_compared():
    """None is believed."""
    assert ANSWERS.keys() == {exhibit.name for exhibit in EQUIVALENT}


@pytest.mark.parametrize("exhibit", EQUIVALENT, ids=lambda exhibit: exhibit.name)
def test_what_is_no_bug_changes_nothing(exhibit):
    """On 10,000 random inputs the results are equal to rounding."""
    answer = ANSWERS[exhibit.name]
    want, got = (
        answer(module_of(exhibit, source), np.random.default_rng(0))
        for source in (exhibit.source(), exhibit.mutated())
    )
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


# --- the harness ---


def fake(name, **changes):
    """A bug that a test of metrics notices, but for the changes."""
    fields = {
        "name": name, "title": "", "story": "", "seen": "", "symptom": "",
        "file": "metrics.py",
        "before": "hits = sum(h == r", "after": "hits = sum(h != r",
        "tests": ("tests/test_metrics.py::test_exact_match",),
    }  # fmt: skip
    return Exhibit(**{**fields, **changes})


FAKES = {
    "killed": fake("bug"),
    "survived": fake("no bug", after="hits = sum(r == h"),
    "once": fake("nowhere", before="there is no such line"),
    "invalid syntax": fake("no Python", after="hits = sum(h r"),
    "names no test": fake("no tests", tests=()),
    "knows of the museum": fake("cheat", tests=("tests/test_museum.py::test_it",)),
    "never imported": fake("elsewhere", file="plot/attention_map.py",
                           before="return figure", after="return None"),
    "pytest ended": fake("not a test", tests=("tests/test_metrics.py::test_nothing",)),
    "not there": fake("no import", before="import math",
                      after="raise ImportError('not there')"),
    "in the fixture": fake("preparation", file="checkpoint.py",
                           before="path.mkdir(parents=True, exist_ok=True)",
                           after="raise OSError('in the fixture')",
                           tests=("tests/test_checkpoint.py::test_missing_file",)),
}  # fmt: skip
"""What the harness has to say -> an exhibit of which it is true."""


@pytest.fixture(scope="module")
def verdicts():
    """What the harness says of the fakes, by name."""
    return {verdict.name: verdict for verdict in run(list(FAKES.values()))}


@pytest.mark.parametrize("said", FAKES)
def test_the_harness_tells_bugs_from_its_own_faults(verdicts, said):
    """Killed, survived, or an error that says what is wrong with the exhibit."""
    verdict = verdicts[FAKES[said].name]
    if said in ("killed", "survived"):
        assert verdict.outcome == said
    else:
        assert verdict.outcome == "error"
        assert said in verdict.message


def test_a_killer_is_named(verdicts):
    """Node id without parameters, and the first line of its complaint."""
    assert verdicts["bug"].test == "tests/test_metrics.py::test_exact_match"
    assert verdicts["bug"].message.startswith("AssertionError: assert")


def test_where_there_is_no_fork_a_new_interpreter_finds_the_same(verdicts):
    """It reports the same killer, and the copy is then as it was before."""
    job = {**make_job(FAKES["killed"]), "number": 1}
    with copies() as folders:
        file = folders[0] / job["path"]
        before = file.read_bytes()
        with changed(folders[0], job):
            answer = in_new_interpreter(folders[0], job)
        assert file.read_bytes() == before
    assert answer["failed"][0][0].startswith(verdicts["bug"].test)
    assert not answer["broken"]
