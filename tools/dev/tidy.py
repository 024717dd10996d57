"""House rules that no linter knows: ``python tools/dev/tidy.py``. Exit code 1 when one is broken.

Generated files (``*_gen.py``) are bound by the rules of what wrote them, not by these.
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

FUNCTION_LINES_MAX = 60
FUNCTION_LINES_AIM = 40
MODULE_LINES_MAX = 400
FOLDERS = ("protocol", "firmware", "gateway", "tools", "hil_tests", "docs", ".ci")
TEXT_SUFFIXES = {".json", ".lock", ".md", ".py", ".pyi", ".sh", ".toml", ".txt"}
TEXT_NAMES = {".gitignore", "LICENSE", "Makefile", "run"}

BANNED_WORD = re.compile(
    "data|info|misc|process(es)?|(handle|helper|manager|util)s?", re.IGNORECASE
)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
EXEMPTION = re.compile(r"\b(noqa|type:\s*ignore|pylint:|fmt:\s*(off|skip)|pragma:)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~/])/(home|root|work|workspace|Users)/\w")
REGISTRY = re.compile(r"pypi\.org|pythonhosted\.org|index-url|find-links|trusted-host")
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")

Breach = tuple[int, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    path: Path
    text: str
    tree: ast.Module

    @classmethod
    def read(cls, path: Path) -> "Module":
        text = path.read_text(encoding="utf-8")
        return cls(path, text, ast.parse(text, str(path)))


def functions(module: Module) -> Iterator[Function]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def line_count(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def names(module: Module) -> Iterator[tuple[int, str]]:
    """Yield every name that the module itself gives, with its line. A test's is a sentence."""
    yield 1, module.path.stem
    for node in ast.walk(module.tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if not node.name.startswith("test_"):
                    yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr


def banned_words(name: str) -> set[str]:
    return {word for word in WORD.findall(name) if BANNED_WORD.fullmatch(word)}


def name_breaches(module: Module, exempt: frozenset[str]) -> Iterator[Breach]:
    for line, name in names(module):
        if name not in exempt and (words := banned_words(name)):
            yield line, f"the name {name} says nothing: {', '.join(sorted(words))}"


def length_breaches(module: Module) -> Iterator[Breach]:
    size = len(module.text.splitlines())
    if size > MODULE_LINES_MAX:
        yield 1, f"the module has {size} lines; {MODULE_LINES_MAX} is the most"
    for function in functions(module):
        if (count := line_count(function)) > FUNCTION_LINES_MAX:
            sentence = f"{function.name} has {count} lines; {FUNCTION_LINES_MAX} is the most"
            yield function.lineno, sentence


def comment_breaches(module: Module) -> Iterator[Breach]:
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if EXEMPTION.search(token.string):
            yield token.start[0], "an exemption belongs in the configuration, with its reason"
        if UNFINISHED.search(token.string):
            yield token.start[0], "finish it or leave it out"


def text_breaches(text: str) -> Iterator[Breach]:
    """Yield what would tie the project to one machine."""
    for line, content in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(content):
            yield line, "a path of one machine"
        if REGISTRY.search(content):
            yield line, "the address of a package registry"


def link_breaches(path: Path, text: str) -> Iterator[Breach]:
    """Yield the links of a page that lead nowhere in the checkout."""
    for line, content in enumerate(text.splitlines(), 1):
        for target in LINK.findall(content):
            if not (path.parent / target).exists():
                yield line, f"the link to {target} leads nowhere"


def project_files(root: Path) -> Iterator[Path]:
    """Yield the project's own files, never what set-up or a run has made."""
    made = {".venv", ".weir", "__pycache__"}
    yield from (path for path in sorted(root.iterdir()) if path.is_file())
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and not made.intersection(path.parts):
                yield path


def module_breaches(module: Module, exempt: frozenset[str]) -> Iterator[Breach]:
    yield from name_breaches(module, exempt)
    yield from length_breaches(module)
    yield from comment_breaches(module)


def summary(modules: list[Module]) -> str:
    counts = [line_count(function) for module in modules for function in functions(module)]
    over = sum(count > FUNCTION_LINES_AIM for count in counts)
    return (
        f"tidy: {len(modules)} modules, {len(counts)} functions of"
        f" {median(counts or [0]):.0f} lines in the middle and {max(counts, default=0)} at most,"
        f" {over} over {FUNCTION_LINES_AIM}"
    )


def is_bound(path: Path) -> bool:
    """Return whether the rules hold for this file: text, not generated, not the rules' own."""
    if path.name.endswith("_gen.py") or path == Path(__file__).resolve():
        return False
    return path.suffix in TEXT_SUFFIXES or path.name in TEXT_NAMES


def main(root: Path) -> int:
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    exempt = frozenset(settings["tool"]["tidy"]["exempt_names"])
    modules: list[Module] = []
    broken = 0
    for path in filter(is_bound, project_files(root)):
        text = path.read_text(encoding="utf-8")
        breaches = list(text_breaches(text))
        if path.suffix == ".md":
            breaches += link_breaches(path, text)
        if path.suffix == ".py":
            modules.append(Module.read(path))
            breaches += module_breaches(modules[-1], exempt)
        for line, sentence in breaches:
            sys.stdout.write(f"{path.relative_to(root)}:{line}: {sentence}\n")
        broken += len(breaches)
    sys.stdout.write(f"{summary(modules)}, {broken} broken rules\n")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[2]))
