"""`weir meter read`, `reads`, `check` and `checks` against a running gateway."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from peers.gateway_run import GatewayRun
from peers.meter_links import TcpLink
from peers.scripted_meter import ScriptedMeter
from weir_protocol.frames import FrameType
from weir_tools.cli import main

METER, SILENT = 1001, 1002
NO_BROKER_PORT = 1
MEASURED_AT_S = 1_900_000_000


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayRun]:
    prepared = GatewayRun(tmp_path, NO_BROKER_PORT)
    prepared.write_keys(ScriptedMeter(METER), ScriptedMeter(SILENT))
    monkeypatch.setenv("WEIR_SOCKET", str(tmp_path / "weir.sock"))
    monkeypatch.setenv("COLUMNS", "200")
    prepared.start()
    yield prepared
    prepared.close()


@pytest.fixture
def meter() -> ScriptedMeter:
    return ScriptedMeter(METER)


@pytest.fixture
def link(gateway: GatewayRun, meter: ScriptedMeter) -> Iterator[TcpLink]:
    """An open link to a meter that listens."""
    with closing(gateway.dial()) as dialled:
        dialled.ask(meter, meter.hello())
        yield dialled


@contextmanager
def answering(link: TcpLink, meter: ScriptedMeter, **status: int) -> Iterator[None]:
    """Answer every reading that is asked for over an open link, from now on."""
    over = threading.Event()
    seen = len(meter.told)

    def listen() -> None:
        nonlocal seen
        while not over.is_set():
            meter.answers(link.receive(seconds=0.05))
            for frame_type, fields in meter.told[seen:]:
                if frame_type is FrameType.READ_NOW:
                    link.send(meter.status(**{**status, "request": fields["request"]}))
            seen = len(meter.told)

    thread = threading.Thread(target=listen)
    thread.start()
    yield
    over.set()
    thread.join(30)


def run(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    code = main(["meter", *line.split()])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def document(capsys: pytest.CaptureFixture[str], line: str) -> Any:
    code, out, err = run(capsys, f"{line} --json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_meter_on_an_open_link_is_read_now(
    link: TcpLink, meter: ScriptedMeter, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = {"taken_at_s": MEASURED_AT_S, "forward_pulses": 12_345_678, "reverse_pulses": 90}
    with answering(link, meter, **measured, flow_l_per_h=-250, pressure_kpa=415, battery_mv=3600):
        code, out, err = run(capsys, f"read {METER}")
        assert (code, err) == (0, "")
        for line in (
            "measured at       2030-03-17 17:46:40 UTC, within 2 s",
            "forward register  123.457 m³",
            "reverse register  0.001 m³",
            "flow              -0.250 m³/h",
            "pressure          415 kPa",
            "battery           3,600 mV",
        ):
            assert line in out
        answered = document(capsys, f"read {METER} --by ann")
    assert (answered["state"], answered["by"]) == ("answered", "ann")
    assert answered["reading"]["forward_volume_l"] == 123_456.78


def test_a_sleeping_meter_is_told_in_its_next_session_and_the_command_says_when_that_is(
    gateway: GatewayRun,
    link: TcpLink,
    meter: ScriptedMeter,
    capsys: pytest.CaptureFixture[str],
) -> None:
    link.close()
    with closing(gateway.dial()) as again:
        again.ask(meter, meter.poll())
    code, out, _ = run(capsys, f"read {METER} --wait 0")
    assert code == 0
    assert f"Meter {METER} is expected to call at 20" in out
    assert f"`weir meter reads {METER}` says what became of it." in out
    with closing(gateway.dial()) as session:
        session.ask(meter, meter.poll())
        (asked,) = [
            fields for frame_type, fields in meter.told if frame_type is FrameType.READ_NOW
        ]
        status = meter.status(request=asked["request"], taken_at_s=MEASURED_AT_S)
        session.ask(meter, status)
    (read,) = document(capsys, f"reads {METER}")["reads"]
    assert read["state"] == "answered"


def test_who_waits_in_vain_gets_the_code_of_a_failure_and_the_request_stands(
    gateway: GatewayRun, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, f"read {SILENT} --wait 0.2")
    assert code == 1
    assert f"Meter {SILENT} was never heard" in out
    assert f"meter {SILENT} did not answer within 0.2 s; its request stands" in err
    assert [one["state"] for one in gateway.client.reads(SILENT)] == ["pending"]


def test_what_a_person_triggered_is_listed(
    link: TcpLink, meter: ScriptedMeter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, f"reads {METER}")[:2] == (
        0,
        f"Meter {METER} was never asked for a reading, and none was triggered at it.\n",
    )
    link.ask(meter, meter.status(request=0, flow_l_per_h=1500))
    code, out, _ = run(capsys, f"reads {METER}")
    assert code == 0
    (row,) = out.splitlines()[1:]
    assert "at the meter" in row
    assert "answered" in row
    assert "1.500" in row


def test_a_dial_is_compared_with_a_fresh_register_and_the_difference_kept(
    link: TcpLink, meter: ScriptedMeter, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, f"checks {METER}") == (
        0,
        f"Meter {METER} was never compared with its dial.\n",
        "",
    )
    measured = {"taken_at_s": MEASURED_AT_S, "forward_pulses": 12_345_600, "reverse_pulses": 100}
    with answering(link, meter, **measured):
        code, out, err = run(capsys, f"check {METER} --dial 123.450 --by ann")
    assert (code, err) == (0, "")
    for line in (
        "dial         123.450 m³",
        "register     123.455 m³",
        "register of  2030-03-17 17:46:40 UTC (status)",
        "difference   +0.005 m³",
    ):
        assert line in out
    second = document(capsys, f"check {METER} --dial 123.452 --wait 0")
    assert (second["difference_l"], second["change_l"]) == (3, -2)
    code, out, _ = run(capsys, f"checks {METER}")
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["2", "1"]


REFUSED = {
    f"check {METER} --dial 12,5 --wait 0": "write cubic metres as 123.456",
    f"check {SILENT} --dial 1 --wait 0": "was never heard: ask once it has called",
    f"read {METER} --wait nan": "is not in the range",
    "read 4711": "meter 4711 is not known",
    "checks 4711": "meter 4711 is not known",
}


def test_what_cannot_be_is_refused_with_a_sentence(
    link: TcpLink, capsys: pytest.CaptureFixture[str]
) -> None:
    for line, sentence in REFUSED.items():
        code, _, err = run(capsys, line)
        assert code in (1, 2), line
        assert sentence in err


def test_more_requests_than_may_wait_are_refused(
    gateway: GatewayRun, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(20):
        gateway.client.read(SILENT)
    code, _, err = run(capsys, f"read {SILENT}")
    assert code == 1
    assert "20 readings that meter 1002 was asked for are not answered" in err
