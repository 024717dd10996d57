"""The `weir` commands that the documentation shows, and what it says they print."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
FOLDERS = (".", "docs", "docs/adr", "protocol", "hil_tests")
PAGES = sorted(
    path.relative_to(CHECKOUT) for folder in FOLDERS for path in (CHECKOUT / folder).glob("*.md")
)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
PROMPT = "$ "
OUTPUT = re.compile(r"weir gateway \S+ ready:")  # a line that begins like a command
DEMO = re.compile(r"make demo ARGS=(.*)")
ASSIGNMENT = re.compile(r"([A-Z_]+)=(\S*)")


@dataclass(frozen=True, slots=True)
class Shown:
    """One command: its words behind `weir`, and the lines below it where it stood at a prompt."""

    page: Path
    line: int
    words: tuple[str, ...]
    variables: tuple[tuple[str, str], ...] = ()
    output: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def shown_in_blocks() -> list[Shown]:
    """Every command in a code block."""
    return [shown for page in PAGES for shown in _in_page(page)]


def shown_inline() -> list[Shown]:
    """Every command in running text; of those, not all words need to be given."""
    found = []
    for page in PAGES:
        text = FENCE.sub(lambda block: "\n" * block[0].count("\n"), _read(page))
        for match in INLINE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            words = match[1].removeprefix("time ").removeprefix(".venv/bin/")
            if words.startswith("weir "):
                found.append(Shown(page, line, tuple(words.split()[1:])))
    return found


def _read(page: Path) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def _in_page(page: Path) -> Iterator[Shown]:
    text = _read(page)
    for block in FENCE.finditer(text):
        if block[2] not in ("", "console", "sh"):
            continue
        first = text.count("\n", 0, block.start(3)) + 1
        indent = len(block[1])
        lines = [line[indent:] for line in block[3].splitlines()]
        yield from _in_block(page, first, lines)


def _in_block(page: Path, first: int, lines: list[str]) -> Iterator[Shown]:
    has_prompts = any(line.startswith(PROMPT) for line in lines)
    at = 0
    while at < len(lines):
        start = at
        text = lines[at]
        while text.endswith("\\") and at + 1 < len(lines):
            at += 1
            text = text[:-1] + lines[at].strip()
        at += 1
        if has_prompts and not text.startswith(PROMPT):
            continue
        output = []
        while has_prompts and at < len(lines) and not lines[at].startswith(PROMPT):
            output.append(lines[at].rstrip())
            at += 1
        shown = _command(page, first + start, text.removeprefix(PROMPT), output)
        if shown is not None:
            yield shown


def _command(page: Path, line: int, text: str, output: list[str]) -> Shown | None:
    demo = DEMO.match(text)
    if demo is not None:
        text = "weir demo " + " ".join(shlex.split(demo[1], comments=True))
    if OUTPUT.match(text):
        return None
    words = _before_pipe(text)
    variables = []
    while words and (assignment := ASSIGNMENT.fullmatch(words[0])):
        variables.append((assignment[1], assignment[2]))
        words = words[1:]
    if not words or words[0].removeprefix(".venv/bin/") != "weir":
        return None
    return Shown(page, line, tuple(words[1:]), tuple(variables), tuple(output))


def _before_pipe(text: str) -> list[str]:
    try:
        words = shlex.split(text, comments=True)
    except ValueError:  # an apostrophe: prose, or output
        return []
    return words[: words.index("|")] if "|" in words else words
