"""The program refuses what it cannot run with, in one sentence and with code 2."""

import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from on_meter import command_of, on_each_interpreter
from scripted_bench import LINE_TIMEOUT_S, write_identity

from weir_tools.simulator.firmware import Interpreter


def run(interpreter: Interpreter, options: Sequence[str]) -> tuple[int, str, str]:
    """Return the exit code and what was printed to stdout and stderr."""
    command = command_of(interpreter)
    done = subprocess.run(
        [*command.words, *options],
        env=command.environment,
        capture_output=True,
        text=True,
        timeout=LINE_TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def refused(interpreter: Interpreter, options: Sequence[str]) -> str:
    """Return the sentence."""
    code, out, err = run(interpreter, options)
    assert code == 2, err
    assert out == ""
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_identity(tmp_path, ring_sectors=2)
    return tmp_path


@pytest.fixture
def nobody() -> str:
    """An address on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@on_each_interpreter
def test_missing_and_unknown_options_are_named(interpreter: Interpreter, home: Path) -> None:
    assert "--home is missing" in refused(interpreter, [])
    assert "--link is missing" in refused(interpreter, ["--home", "x", "--bench", "h:1"])
    assert "--speed" in refused(interpreter, ["--speed", "2"])
    assert "--home" in refused(interpreter, ["--home"])
    options = ["--home", str(home), "--link", "tcp:h:1", "--bench"]
    for address in ("nowhere", "host:", ":1", "host:x", "host:65536"):
        assert "--bench" in refused(interpreter, [*options, address])


@on_each_interpreter
def test_a_home_without_an_identity_is_refused(
    interpreter: Interpreter, tmp_path: Path, nobody: str
) -> None:
    options = ["--home", str(tmp_path), "--bench", nobody, "--link", "tcp:127.0.0.1:1"]
    assert "identity.json" in refused(interpreter, options)


@on_each_interpreter
def test_a_flash_of_another_size_is_refused(
    interpreter: Interpreter, home: Path, nobody: str
) -> None:
    (home / "flash.bin").write_bytes(b"\xff" * 4095)
    options = ["--home", str(home), "--bench", nobody, "--link", "tcp:127.0.0.1:1"]
    assert "flash.bin has 4095 bytes" in refused(interpreter, options)


@on_each_interpreter
def test_a_bench_that_does_not_listen_is_refused(
    interpreter: Interpreter, home: Path, nobody: str
) -> None:
    options = ["--home", str(home), "--bench", nobody, "--link", "tcp:127.0.0.1:1"]
    assert nobody in refused(interpreter, options)


INPUTS = "I 1 0 0 0 0 - 0 0 0"


def run_at_bench(interpreter: Interpreter, home: Path, link: str, *answers: str) -> str:
    """Run a meter at a bench that gives a few answers and hangs up; return code and stderr."""
    command = command_of(interpreter)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LINE_TIMEOUT_S)
        port = listener.getsockname()[1]
        child = subprocess.Popen(
            [*command.words, "--home", home, "--bench", f"127.0.0.1:{port}", "--link", link],
            env=command.environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            answer_turns(listener, answers)
            _, err = child.communicate(timeout=LINE_TIMEOUT_S)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            child.kill()
            raise AssertionError(child.communicate()) from error
    return f"{child.returncode} {err}"


def answer_turns(listener: socket.socket, answers: Sequence[str]) -> None:
    """Take a meter's first turns, one for each answer; then say nothing more."""
    channel, _ = listener.accept()
    channel.settimeout(LINE_TIMEOUT_S)
    with channel, channel.makefile() as lines:
        assert lines.readline().startswith("HELLO")
        for answer in answers:
            assert lines.readline().startswith("S ")
            channel.sendall(answer.encode() + b"\n")
        channel.shutdown(socket.SHUT_WR)
        lines.read()


@on_each_interpreter
@pytest.mark.parametrize("link", ["serial:/dev/null", "pty:/dev/null", "pty:no/such", "tcp:x"])
def test_a_link_that_is_none_is_refused(interpreter: Interpreter, home: Path, link: str) -> None:
    ended = run_at_bench(interpreter, home, link, INPUTS)
    assert ended.startswith("2 --link")
    assert ended.count("\n") == 1


@on_each_interpreter
def test_a_bench_that_goes_away_ends_the_meter(interpreter: Interpreter, home: Path) -> None:
    ended = run_at_bench(interpreter, home, "tcp:127.0.0.1:1", INPUTS)
    assert ended == "1 The bench has closed its channel; the meter is off.\n"


@on_each_interpreter
def test_an_order_to_switch_off_ends_it_with_code_0(interpreter: Interpreter, home: Path) -> None:
    assert run_at_bench(interpreter, home, "tcp:127.0.0.1:1", INPUTS, "Q") == "0 "


@on_each_interpreter
def test_records_without_their_frame_counter_are_refused(
    interpreter: Interpreter, home: Path
) -> None:
    assert run_at_bench(interpreter, home, "tcp:127.0.0.1:1", INPUTS, "Q") == "0 "
    with (home / "flash.bin").open("r+b") as flash:
        flash.write(b"\xff" * 2 * 4096)
    ended = run_at_bench(interpreter, home, "tcp:127.0.0.1:1", INPUTS)
    assert ended.startswith("2 ")
    assert "new key" in ended
