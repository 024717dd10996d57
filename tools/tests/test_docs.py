"""What the documentation shows of the command `weir` is what the command does."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest
from shown_commands import CHECKOUT, Shown, shown_in_blocks, shown_inline

from weir_tools import cli

Weir = Callable[..., CompletedProcess[str]]

COMMANDS_PAGE = CHECKOUT / "docs/commands.md"
IN_BLOCKS = shown_in_blocks()
OFFLINE = [shown for shown in IN_BLOCKS if shown.words[0] in ("decode", "--help")]
ANY_COMMAND = ("COMMAND", "...")
ANYTHING = "..."  # in an output that is shown: some lines are left out here


def find_command(words: tuple[str, ...]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and the words behind its name."""
    command: click.Command = cli.weir
    rest = list(words)
    context = click.Context(command)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        assert found is not None, f"there is no command {rest[0]!r}"
        command, rest = found, rest[1:]
    return command, rest


@pytest.mark.parametrize("shown", IN_BLOCKS, ids=lambda shown: shown.place)
def test_a_command_line_that_is_shown_can_be_typed(shown: Shown) -> None:
    command, words = find_command(shown.words)
    if words in (["--help"], ["--version"]):
        return
    assert not isinstance(command, click.Group) or command.invoke_without_command
    command.make_context("weir", words)


@pytest.mark.parametrize("shown", shown_inline(), ids=lambda shown: shown.place)
def test_an_option_that_is_named_exists(shown: Shown) -> None:
    command, words = find_command(tuple(word for word in shown.words if word not in ANY_COMMAND))
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_pages_show_commands_of_every_kind() -> None:
    assert {shown.words[0] for shown in IN_BLOCKS} >= set(cli.COMMANDS) - {"bench"}
    assert len(OFFLINE) >= 5
    assert sum(bool(shown.output) for shown in OFFLINE) >= 2


@pytest.mark.parametrize("shown", OFFLINE, ids=lambda shown: shown.place)
def test_a_command_that_needs_no_gateway_prints_what_is_shown(
    weir: Weir, monkeypatch: pytest.MonkeyPatch, shown: Shown
) -> None:
    monkeypatch.delenv("COLUMNS")
    for name, text in shown.variables:
        monkeypatch.setenv(name, text)
    outcome = weir(*shown.words)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    if shown.output:
        printed = [line.rstrip() for line in outcome.stdout.splitlines()]
        check_shown(list(shown.output), iter(printed))


def check_shown(expected: list[str], printed: Iterator[str]) -> None:
    """Line for line, but any number of lines where the page has three dots."""
    may_skip = False
    for line in expected:
        if line == ANYTHING:
            may_skip = True
        elif may_skip:
            assert line in printed  # takes all up to it
            may_skip = False
        else:
            assert next(printed, None) == line
    assert may_skip or list(islice(printed, 1)) == []


def test_a_check_of_shown_lines_notices_each_kind_of_difference() -> None:
    check_shown(["a", ANYTHING, "c"], iter("abbc"))
    for expected, printed in ((["a"], "ab"), (["a", "b"], "a"), ([ANYTHING, "c"], "ab")):
        with pytest.raises(AssertionError):
            check_shown(list(expected), iter(printed))


def test_sentences_of_refusal_are_shown_as_they_are(
    weir: Weir, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workdir / "broken.csv").write_text("time,flow_l_s\n0,1\n60,one\n")
    frame = next(shown.words[-1] for shown in OFFLINE if shown.words[0] == "decode")
    monkeypatch.setenv("WEIR_KEY", "00" * 16)
    refusals = [
        weir("bench", "codec", "--csv", "broken.csv"),
        weir("decode", "--epoch", "5eed0001", frame),
    ]
    shown = COMMANDS_PAGE.read_text(encoding="utf-8").splitlines()
    for refusal in refusals:
        assert refusal.stderr.rstrip() in shown


def test_every_key_of_the_decoders_json_is_explained(weir: Weir) -> None:
    frame = next(shown.words[-1] for shown in OFFLINE if shown.words[0] == "decode")
    [decoded] = json.loads(weir("decode", "--json", frame).stdout)["frames"]
    page = COMMANDS_PAGE.read_text(encoding="utf-8")
    explained = page[page.index('`--json` prints `{"frames": [...]}`') :].partition("\n\n")[0]
    named = set(re.findall(r"`([a-z_]+)`", explained))
    assert set(decoded) | set(decoded["fields"][0]) == named - {"null"}
