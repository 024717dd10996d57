"""Every way to use the command wrongly ends with one sentence and the documented exit code."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from weir_tools import cli

Weir = Callable[..., CompletedProcess[str]]

GATEWAY_WITHOUT_LINK = '[gateway]\nid = "g"\n[mqtt]\nport = 1\n'


@pytest.fixture(autouse=True)
def files(workdir: Path) -> None:
    """Files that the bad uses below name."""
    (workdir / "flow.csv").write_text("time,flow_l_s\n0,1\n60,1\n")
    (workdir / "broken.csv").write_text("time,flow_l_s\n0,1\n60,one\n")
    (workdir / "late.csv").write_text("time,flow_l_s\n0,1\n1e300,1\n")
    (workdir / "flood.csv").write_text("time,pulses\n0,2000000000\n60,2000000000\n")
    (workdir / "gateway.toml").write_text(GATEWAY_WITHOUT_LINK)
    (workdir / "open.txt").write_text("1001 000102030405060708090a0b0c0d0e0f\n")
    (workdir / "open.txt").chmod(0o644)
    (workdir / "other.txt").write_text("1 000102030405060708090a0b0c0d0e0f\n")
    (workdir / "other.txt").chmod(0o600)
    (workdir / "full").mkdir()
    (workdir / "full/file").touch()


READINGS = "2281969800e80706f1847cee342972e793ec0afde48813a06fa19b0c44c355c89b0877876657c0ca1f"

BAD_USES = [
    ("nonsense", 2, "no such command 'nonsense'; see `weir --help`"),
    ("--nonsense", 2, "no such option"),
    ("demo --speed 0", 2, "0.0 is not in the range 1<=x<=3600"),
    ("demo --speed fast", 2, "'fast' is not a valid float"),
    ("demo --duration -1", 2, "-1.0 is not in the range 1<=x<=31622400"),
    ("demo --speed nan", 2, "'nan' is not in the range 1<=x<=3600"),
    ("demo --duration nan", 2, "'nan' is not in the range 1<=x<=31622400"),
    ("demo --duration inf", 2, "inf is not in the range 1<=x<=31622400"),
    ("demo --broker here", 2, "'here' is not HOST:PORT"),
    ("demo --keep full", 2, "full is not an empty folder"),
    ("demo --json nowhere/out.json", 2, "nowhere/out.json cannot be written"),
    ("gateway --config missing.toml", 2, "missing.toml"),
    ("meter list", 3, "no gateway answers at weir.sock"),
    ("meter list --config missing.toml", 2, "cannot read the configuration missing.toml"),
    ("meter list --config gateway.toml", 2, "no link is configured"),
    ("meter show", 2, "missing argument 'ID'; see `weir meter show --help`"),
    ("meter show seven", 2, "'seven' is not a meter's number"),
    ("meter gaps 7 --socket nowhere.sock", 3, "no gateway answers at nowhere.sock"),
    ("meter backfill 7 --from noon", 2, "'noon' is not a time; write it as"),
    ("meter backfill 7 --first -1", 2, "'-1' is not a sequence"),
    ("meter backfill 7 --first 1 --to 2026-01-01", 2, "give one pair"),
    ("meter backfill 7 --socket nowhere.sock", 3, "no gateway answers at nowhere.sock"),
    ("meter readings 7 --limit 0", 2, "0 is not in the range"),
    ("meter readings 7 --socket nowhere.sock", 3, "no gateway answers at nowhere.sock"),
    (
        "meter check 7 --dial abc",
        2,
        "'--dial': 'abc' is not what a dial shows; write cubic metres",
    ),
    ("meter check 7 --dial 1,5", 2, "'1,5' is not what a dial shows"),
    ("meter check 7 --dial 1 --note=", 2, "'--note': it must be text of 1 to 500 characters"),
    ("alarms ack 7-0-e1 --note=", 2, "'--note': it must be text of 1 to 500 characters in one"),
    ("meter set 7 leak_on=on --by=", 2, "'--by': it must be text of 1 to 100 characters in one"),
    ("decode", 2, "there are no bytes to decode"),
    ("decode 2x", 2, "'x' is not a hex digit"),
    ("decode 123", 2, "3 hex digits do not make whole bytes"),
    ("decode 0102030405", 1, "breaks rule WL-FRM-01"),
    ("decode 00", 1, "breaks rule WL-FRM-04"),
    ("decode 41e9030000", 1, "breaks rule WL-HDR-01"),
    (f"decode {READINGS} --epoch 12", 2, "'12' is not an epoch"),
    (f"decode {READINGS} --key-file missing.txt", 2, "missing.txt cannot be read"),
    (f"decode {READINGS} --key-file open.txt", 2, "run `chmod 600 open.txt`"),
    (f"decode {READINGS} --key-file flow.csv", 2, "run `chmod 600 flow.csv`"),
    ("bench", 2, "missing command; see `weir bench --help`"),
    ("bench codec --csv missing.csv", 2, "missing.csv cannot be read (No such file"),
    ("bench codec --csv broken.csv", 2, "broken.csv, line 3, column flow_l_s: 'one'"),
    ("bench codec --csv flow.csv", 1, "flow.csv has not one day"),
    ("bench codec --pulse-weight-l heavy", 2, "'heavy' is not a number of litres"),
    ("bench codec --pulse-weight-l 0.0005", 2, "0.0005 L is not 0.001 to 1000 L"),
    ("bench codec --days 0", 2, "0 is not in the range"),
    ("bench codec --pulse-weight-l nan", 2, "nan L is not 0.001 to 1000 L"),
    ("bench codec --pulse-weight-l 1e999999", 2, "'1e999999' is not a number of litres"),
    ("bench codec --csv late.csv", 2, "late.csv, line 3, column time: '1e300' is out of range"),
    (f"meter show {'9' * 5000}", 2, "is not a meter's number"),
    ("bench custody --days nan", 2, "'nan' is not in the range 0.1<=x<=400"),
    ("simulate", 2, "there is nothing to feed the meters with"),
    ("simulate flow.csv", 2, "the meters need one kind of link"),
    ("simulate flow.csv --tcp a:1 --serial b", 2, "the meters need one kind of link"),
    ("simulate flow.csv --serial a --serial b --meters 3", 2, "2 serial ports for 3 meters"),
    ("simulate flow.csv --tcp a", 2, "'a' is not HOST:PORT"),
    ("simulate broken.csv --tcp a:1", 2, "broken.csv, line 3, column flow_l_s"),
    ("simulate flow.csv --tcp a:1 --speed 1e9", 2, "is not in the range"),
    ("simulate flow.csv --tcp a:1 --speed nan", 2, "'nan' is not in the range"),
    ("simulate flow.csv --tcp a:1 --speed inf", 2, "is not in the range"),
    ("simulate flow.csv --tcp a:1 --duration nan", 2, "'nan' is not in the range"),
    ("simulate flow.csv --tcp a:1 --duration inf", 2, "is not in the range"),
    (f"simulate flow.csv --tcp a:{'1' * 5000}", 2, "is not HOST:PORT"),
    ("simulate flow.csv --tcp a:1 --home /dev/null/here", 2, "/dev/null/here cannot be made"),
    ("simulate flow.csv --tcp a:1 --home /proc/here", 2, "/proc/here cannot be made"),
    (f"simulate flow.csv --tcp a:1 --home {'h' * 300}", 2, "cannot be made (File name too"),
    ("simulate late.csv --tcp a:1", 2, "late.csv, line 3, column time: '1e300' is out of"),
    ("simulate flood.csv --tcp a:1", 2, "flood.csv, line 3, column pulses: here more than"),
    ("simulate flow.csv --tcp a:1 --meter-id 0", 2, "'0' is not a meter's number"),
    ("simulate flow.csv --tcp a:1 --keys open.txt", 2, "run `chmod 600 open.txt`"),
    ("simulate flow.csv --config missing.toml", 2, "cannot read the configuration"),
    ("simulate flow.csv --serial /dev/nowhere", 3, "/dev/nowhere cannot be opened"),
]


@pytest.mark.parametrize(("words", "code", "sentence"), BAD_USES)
def test_a_bad_use_gets_one_sentence_and_its_exit_code(
    weir: Weir, words: str, code: int, sentence: str
) -> None:
    outcome = weir(*words.split())
    assert outcome.returncode == code
    assert sentence in outcome.stderr.splitlines()[-1]
    assert "Running" not in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert outcome.stdout == ""


def test_what_nobody_expected_is_one_sentence_and_its_details_are_in_a_file(
    weir: Weir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("in the middle of it")

    monkeypatch.setattr(cli.weir, "invoke", lambda _: fail())
    outcome = weir("demo")
    [log] = (tmp_path / "state/weir").iterdir()
    assert outcome.returncode == 1
    assert "ZeroDivisionError" in outcome.stderr
    assert str(log) in outcome.stderr
    assert "in the middle of it" in log.read_text()
    assert "Traceback" not in outcome.stderr


def test_an_interrupted_command_says_nothing(weir: Weir, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.weir, "invoke", interrupt)
    outcome = weir("demo")
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (130, "", "")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_reader_that_leaves_early_is_no_error(form: tuple[str, ...]) -> None:
    words = [sys.executable, "-m", "weir_tools", "decode", *form, READINGS]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 0


def test_help_names_every_command_and_loads_none() -> None:
    heavy = "{'asyncio', 'construct', 'cryptography', 'paho', 'rich', 'serial'}"
    check = (
        "import sys; from weir_tools.cli import main; main(['--help']);"
        f"sys.exit(sorted({heavy} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in cli.COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize(
    "command", [*cli.COMMANDS, "meter list", "meter gaps", "meter backfill", "bench codec"]
)
def test_every_command_has_help(weir: Weir, command: str) -> None:
    outcome = weir(*command.split(), "--help")
    assert outcome.returncode == 0
    assert outcome.stdout.startswith(f"Usage: weir {command}")


def test_the_version_is_that_of_the_package(weir: Weir) -> None:
    outcome = weir("--version")
    assert outcome.returncode == 0
    assert outcome.stdout.startswith("weir 0.")
