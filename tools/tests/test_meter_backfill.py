"""`weir meter gaps`, `backfill` and `backfills` against a running gateway."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from peers.gateway_run import GatewayRun
from peers.meter_links import MeterLink
from peers.scripted_meter import ScriptedMeter, record
from peers.waiting import wait_for
from weir_tools.commands.meter_backfill import backfill

METER, SILENT = 1001, 1002
NO_BROKER_PORT = 1


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[GatewayRun]:
    """A gateway that holds records 0 to 9 and 20 to 29, and knows that 10 to 12 are lost."""
    prepared = GatewayRun(tmp_path, NO_BROKER_PORT)
    yield prepared
    prepared.close()


@pytest.fixture
def meter(gateway: GatewayRun) -> ScriptedMeter:
    scripted = ScriptedMeter(METER)
    gateway.write_keys(scripted, ScriptedMeter(SILENT))
    return scripted


@pytest.fixture
def link(gateway: GatewayRun, meter: ScriptedMeter) -> Iterator[MeterLink]:
    gateway.start()
    with closing(gateway.dial()) as dialled:
        dialled.ask(meter, meter.hello(sequence_next=30))
        dialled.ask(meter, meter.span(0, 9))
        dialled.ask(meter, meter.span(20, 29))
        dialled.ask(meter, meter.lost((10, 12)))
        yield dialled


def command(gateway: GatewayRun, line: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "weir_tools", "meter", *line.split()],
        cwd=gateway.folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(running: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = running.communicate(timeout=60)
    return running.returncode, out, err


def run(gateway: GatewayRun, line: str) -> tuple[int, str, str]:
    return end(command(gateway, line))


def await_requests(gateway: GatewayRun, count: int) -> None:
    wait_for(lambda: len(gateway.client.backfills(METER)) == count, "the request")


def test_gaps_are_listed_with_their_bounds(gateway: GatewayRun, link: MeterLink) -> None:
    code, out, _ = run(gateway, f"gaps {METER}")
    assert code == 0
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[:4] for row in rows] == [["open", "13", "19", "7"], ["lost", "10", "12", "3"]]
    assert "2026-09-21 16:30" in out  # of record 9
    code, out, _ = run(gateway, f"gaps {METER} --json")
    assert json.loads(out) == {"gaps": gateway.client.gaps(METER)}
    assert run(gateway, f"gaps {SILENT}")[:2] == (0, f"Meter {SILENT} has no gaps.\n")


def test_a_back_fill_is_followed_until_it_is_finished(
    gateway: GatewayRun, link: MeterLink, meter: ScriptedMeter
) -> None:
    running = command(gateway, f"backfill {METER} --first 3 --last 8")
    await_requests(gateway, 1)
    link.ask(meter, meter.poll())
    assert meter.asked == [(13, 19), (3, 8)]
    link.ask(meter, meter.span(3, 8))
    code, out, err = end(running)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == (
        f"Back-fill 1 of meter {METER}: records 3 to 8 of epoch 5eed0001, 6 readings."
    )
    assert lines[1].startswith("It was last heard at ")
    assert lines[-2:] == [
        "6 of 6 returned, 0 lost, 0 to come",
        "Finished: 6 returned, 0 lost.",
    ]


def test_what_the_meter_has_no_more_and_what_differs_is_said(
    gateway: GatewayRun, link: MeterLink, meter: ScriptedMeter
) -> None:
    lost = command(gateway, f"backfill {METER} --first 10 --last 13 --json")
    await_requests(gateway, 1)
    link.ask(meter, meter.lost((10, 12)))
    link.ask(meter, meter.span(13, 13))
    code, out, err = end(lost)
    assert code == 4
    assert json.loads(out) == gateway.client.backfill_progress(METER, 1)
    assert f"meter {METER} has 3 of these records no more" in err

    differs = command(gateway, f"backfill {METER} --to 2026-09-21T14:20")
    await_requests(gateway, 2)
    link.ask(meter, meter.readings(record(0, forward_pulses=9)))
    code, _, err = end(differs)
    assert code == 4
    assert f"which stay as they are: {METER}-5eed0001-0." in err


def test_an_interrupted_command_leaves_the_request_standing(
    gateway: GatewayRun, link: MeterLink
) -> None:
    running = command(gateway, f"backfill {METER}")
    assert running.stdout is not None
    line = running.stdout.readline()
    while "to come" not in line:
        line = running.stdout.readline()
    running.send_signal(signal.SIGINT)
    code, _, err = end(running)
    assert code == 130
    assert (
        f"The request stands, and the meter is asked when it calls; `weir meter backfills {METER}`"
        in err
    )
    assert [one["state"] for one in gateway.client.backfills(METER)] == ["standing"]


def test_a_gateway_that_is_restarted_meanwhile_is_waited_for(
    gateway: GatewayRun, link: MeterLink, meter: ScriptedMeter
) -> None:
    running = command(gateway, f"backfill {METER} --first 29")
    await_requests(gateway, 1)
    assert running.stdout is not None
    while "to come" not in running.stdout.readline():
        pass
    gateway.kill()
    assert "does not answer at the moment" in running.stdout.readline()
    gateway.start()
    with closing(gateway.dial()) as again:
        again.ask(meter, meter.span(29, 29))
    code, out, _ = end(running)
    assert code == 0
    assert out.endswith("Finished: 1 returned, 0 lost.\n")


def test_a_request_may_be_left_to_itself_and_looked_at_later(
    gateway: GatewayRun, link: MeterLink
) -> None:
    assert run(gateway, f"backfills {METER}")[:2] == (
        0,
        f"Meter {METER} was never asked for records again.\n",
    )
    code, out, _ = run(gateway, f"backfill {METER} --no-wait")
    assert code == 0
    assert "The request stands" in out
    code, out, _ = run(gateway, f"backfills {METER}")
    assert code == 0
    assert out.splitlines()[1].split()[-7:] == ["0", "29", "30", "0", "0", "30", "0"]
    code, out, _ = run(gateway, f"backfills {METER} --json")
    assert json.loads(out) == {"backfills": gateway.client.backfills(METER)}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"backfill {SILENT}", "meter 1002 was never heard"),
        (f"backfill {METER} --first 5 --last 30", "keeps records 0 to 29"),
        (f"backfill {METER} --first 1000000", "keeps records 0 to 29"),
        (f"backfill {METER} --from 2030-01-01", "can have no record of that time"),
        ("gaps 77", "meter 77 is not known"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    gateway: GatewayRun, link: MeterLink, line: str, sentence: str
) -> None:
    code, out, err = run(gateway, line)
    assert (code, out) == (1, "")
    assert sentence in err


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (f"backfill {METER} --first 5 --last 2", "exchange them"),
        (f"backfill {METER} --from 2030-01-01 --to 2020-01-01", "exchange them"),
        (f"backfill {METER} --from never", "'never' is not a time"),
    ],
)
def test_a_range_that_is_none_is_wrong_usage(
    gateway: GatewayRun, link: MeterLink, line: str, sentence: str
) -> None:
    code, out, err = run(gateway, line)
    assert (code, out) == (2, "")
    assert sentence in err


def test_an_interrupted_command_gives_the_request_to_a_script_all_the_same(
    gateway: GatewayRun, link: MeterLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    config = str(gateway.config)
    ended = CliRunner().invoke(backfill, [str(METER), "--json", "--config", config])
    assert ended.exit_code != 0
    monkeypatch.undo()
    assert json.loads(ended.stdout) == gateway.client.backfill_progress(METER, 1)
