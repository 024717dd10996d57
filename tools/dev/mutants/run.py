"""Plant bugs and see that tests find them: ``python tools/dev/mutants/run.py [NAME...]``.

Each entry of ``mutants.toml`` breaks one promise in one place and names the tests that must fail
for it. They run in a copy of the checkout, with the bug and, once for all, without any. Exit code
1 when a bug survives, when a test fails otherwise than by what it asserts, when a test fails
without the bug as well, or when the text to be changed is not in its file exactly once.
"""

import argparse
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

CHECKOUT = Path(__file__).parents[3]
TABLE = Path(__file__).with_name("mutants.toml")
IMPORT_FOLDERS = ("protocol", "gateway", "tools", "hil_tests")
TEST_TIMEOUT_S = 150  # ends what hangs because of a bug; some tests wait half a minute in vain
ASSERTED = re.compile(r"(assert\b|AssertionError|Failed: DID NOT RAISE|Failed: (?!Timeout))")

Outcomes = dict[str, str]  # test: "passed", "skipped", "failed: ...", "error: ..."


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug: in ``file``, ``old`` becomes ``new``, and each of ``tests`` has to fail."""

    name: str
    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one bug. fault: why it does not count as found, empty when it does."""

    mutant: Mutant
    fault: str
    wall_s: float


def read_table() -> list[Mutant]:
    entries = tomllib.loads(TABLE.read_text(encoding="utf-8"))["mutant"]
    mutants = [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]
    names = [mutant.name for mutant in mutants]
    if len(set(names)) != len(names):
        raise SystemExit(f"{TABLE}: two entries have one name")
    return mutants


def refuse_unknown_tests(mutants: Sequence[Mutant]) -> None:
    """pytest runs nothing at all when one test that is named is not there."""
    for mutant in mutants:
        for test in mutant.tests:
            file, _, name = test.partition("::")
            path = CHECKOUT / file
            if not path.is_file() or f"def {name.partition('[')[0]}(" not in path.read_text(
                encoding="utf-8"
            ):
                raise SystemExit(f"{TABLE.name}, {mutant.name}: there is no test {test}")


def copy_checkout(folder: Path) -> Path:
    """Copy what git tracks, as it is now, and compile it by content, not by time."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = CHECKOUT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    words = ("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", ".")
    subprocess.run([sys.executable, *words], cwd=folder, check=False, stdout=subprocess.DEVNULL)
    return folder


def run_tests(copy: Path, tests: Sequence[str]) -> Outcomes:
    """Run tests in a copy of the checkout; one that did not run is not in the outcomes."""
    report = copy / "report.xml"
    report.unlink(missing_ok=True)
    folders = os.pathsep.join(str(copy / folder) for folder in IMPORT_FOLDERS)
    environment = {
        **os.environ,
        "PYTHONPATH": folders,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    words = ["-m", "pytest", "-q", "-p", "pytest_timeout", "-p", "no:cacheprovider"]
    options = [f"--timeout={TEST_TIMEOUT_S}", f"--junitxml={report}", "--tb=short"]
    subprocess.run(
        [sys.executable, *words, *options, *tests],
        cwd=copy,
        env=environment,
        capture_output=True,
        check=False,
    )
    return dict(_outcomes(report, tests)) if report.is_file() else {}


def _outcomes(report: Path, tests: Sequence[str]) -> Iterator[tuple[str, str]]:
    """One outcome for each test; a parametrized one fails as soon as one of its cases does."""
    found: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        path = case.get("classname", "").replace(".", "/") + ".py"
        for name in (case.get("name", ""), case.get("name", "").partition("[")[0]):
            found.setdefault(f"{path}::{name}", []).append(_outcome(case))
    for test in tests:
        outcomes = found.get(test, [])
        worst = next((one for one in outcomes if one.startswith(("error", "failed"))), None)
        if outcomes:
            yield test, worst or outcomes[0]


def _outcome(case: ElementTree.Element) -> str:
    for kind, word in (("failure", "failed"), ("error", "error"), ("skipped", "skipped")):
        element = case.find(kind)
        if element is not None:
            return f"{word}: {element.get('message', '').strip()}"
    return "passed"


@contextmanager
def planted(mutant: Mutant, copy: Path) -> Iterator[str]:
    """Put the bug in, and take it out again. Yields why that cannot be done, or nothing."""
    file = copy / mutant.file
    whole = file.read_text(encoding="utf-8") if file.is_file() else ""
    count = whole.count(mutant.old)
    if count != 1:
        yield f"its text is {count} times in {mutant.file}"
        return
    file.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        yield ""
    finally:
        file.write_text(whole, encoding="utf-8")


def judge(mutant: Mutant, copy: Path) -> Verdict:
    began_s = time.monotonic()
    with planted(mutant, copy) as obstacle:
        fault = obstacle or _fault(run_tests(copy, mutant.tests), mutant.tests)
    return Verdict(mutant, fault, time.monotonic() - began_s)


def _fault(outcomes: Outcomes, tests: Sequence[str]) -> str:
    for test in tests:
        name = test.rpartition("::")[2]
        outcome = outcomes.get(test, "did not run")
        if outcome == "passed":
            return f"{name} does not notice it"
        word, _, message = outcome.partition(": ")
        if word != "failed" or not ASSERTED.match(message):
            return f"{name} ends otherwise ({outcome.splitlines()[0]})"
    return ""


def failing_without(copy: Path, mutants: Sequence[Mutant]) -> list[str]:
    """Tests that do not pass on the tree as it is."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    outcomes = run_tests(copy, tests)
    return [
        f"{test}: {outcomes.get(test, 'did not run').splitlines()[0]}"
        for test in tests
        if outcomes.get(test) != "passed"
    ]


def show(verdict: Verdict) -> None:
    result = "found" if not verdict.fault else f"NOT FOUND: {verdict.fault}"
    mutant = verdict.mutant
    tests = ", ".join(test.rpartition("::")[2] for test in mutant.tests)
    sys.stdout.write(f"{mutant.name:<34} {verdict.wall_s:5.1f} s  {result}\n")
    sys.stdout.write(f"    {mutant.promise}\n    {tests}\n")
    sys.stdout.flush()


def run_all(mutants: Sequence[Mutant], jobs: int) -> int:
    """Judge all mutants, each job in a copy of its own. Return how many faults there are."""
    with tempfile.TemporaryDirectory(prefix="weir-mutants-") as scratch:
        copies: queue.SimpleQueue[Path] = queue.SimpleQueue()
        telling = threading.Lock()

        def judged(mutant: Mutant) -> Verdict:
            copy = copies.get()
            verdict = judge(mutant, copy)
            copies.put(copy)
            with telling:
                show(verdict)
            return verdict

        with ThreadPoolExecutor(jobs + 1) as pool:
            made = list(pool.map(copy_checkout, (Path(scratch) / str(i) for i in range(jobs + 1))))
            without = pool.submit(failing_without, made[0], mutants)
            for copy in made[1:]:
                copies.put(copy)
            verdicts = list(pool.map(judged, mutants))
            failing = without.result()
    for line in failing:
        sys.stdout.write(f"fails without any bug: {line}\n")
    found_count = sum(not verdict.fault for verdict in verdicts)
    sys.stdout.write(f"mutants: {found_count} of {len(mutants)} found by the tests named\n")
    return len(verdicts) - found_count + len(failing)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    mutants = read_table()
    unknown = set(options.names) - {mutant.name for mutant in mutants}
    if unknown:
        parser.error(f"there is no mutant {', '.join(sorted(unknown))} in {TABLE.name}")
    refuse_unknown_tests(mutants)
    wanted = [mutant for mutant in mutants if not options.names or mutant.name in options.names]
    return 1 if run_all(wanted, options.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
