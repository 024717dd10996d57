"""`weir alarms` against a running gateway."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from peers.event_books import CLEAR, FLOW_HIGH, LEAK, RAISE, event
from peers.gateway_run import GatewayRun
from peers.scripted_meter import ScriptedMeter
from weir_protocol.frames import FrameType

METER, QUIET, STRANGER = 1001, 1002, 1003
LEAK_ID, FLOW_ID = f"{METER}-5eed0001-e0", f"{METER}-5eed0001-e1"
NO_BROKER_PORT = 1

Alarms = Callable[..., CompletedProcess[str]]


class Site:
    """A gateway without a broker, and a meter with events to tell."""

    def __init__(self, folder: Path) -> None:
        self.gateway = GatewayRun(folder, NO_BROKER_PORT)
        self.meter = ScriptedMeter(METER)
        self.gateway.write_keys(self.meter, ScriptedMeter(QUIET))
        self.gateway.start()
        self.link = self.gateway.dial()
        self.link.ask(self.meter, self.meter.hello())

    @property
    def socket(self) -> str:
        return str(self.gateway.folder / "weir.sock")

    def tell(self, *items: dict[str, int]) -> None:
        fields = {"settings_version": 7, "items": [*items]}
        self.link.ask(self.meter, self.meter.uplink(FrameType.EVENTS, fields))

    def close(self) -> None:
        self.link.close()
        self.gateway.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with closing(Site(tmp_path)) as opened:
        yield opened


@pytest.fixture
def alarms(weir: Alarms, site: Site) -> Alarms:
    return lambda *words: weir("alarms", *words, "--socket", site.socket)


def test_alarms_are_shown_acknowledged_and_kept(site: Site, alarms: Alarms) -> None:
    assert alarms().stdout == "No active alarms.\n"
    assert alarms("--all", "--meter", str(QUIET)).stdout == "No alarms so far of meter 1002.\n"
    site.tell(event(0, LEAK, RAISE, value=86400, limit=86400), event(1, FLOW_HIGH, RAISE))
    table = alarms().stdout.splitlines()
    assert [line.split()[:3] for line in table[1:]] == [
        [FLOW_ID, str(METER), "flow_high"],
        [LEAK_ID, str(METER), "leak"],
    ]
    assert table[2].split()[5:] == ["86,400", "s", "86,400", "s", "NO"]

    told = alarms("ack", LEAK_ID, "--by", "Ada", "--note", "valve ordered")
    assert (told.returncode, told.stdout) == (
        0,
        "leak of meter 1001 is acknowledged by Ada; it stays active until what raised it is "
        "over.\n",
    )
    assert "Ada" in alarms("--meter", str(METER)).stdout
    site.tell(event(2, LEAK, CLEAR, value=90000))
    assert LEAK_ID not in alarms().stdout
    listed = json.loads(alarms("--all", "--json").stdout)["alarms"]
    assert [(one["id"], one["active"]) for one in listed] == [(FLOW_ID, True), (LEAK_ID, False)]
    assert listed[1]["acknowledged"]["note"] == "valve ordered"
    assert "valve ordered" in alarms("--all").stdout
    assert alarms("ack", LEAK_ID, "--note", "x").stdout.endswith("it was cleared before.\n")
    assert alarms().stderr == ""
    site.tell(event(10, LEAK, RAISE))
    assert alarms("--meter", str(METER)).stderr == (
        "Events of meter 1001 that never came, since the ring of their meter had overwritten "
        "them: 7.\n"
    )


def test_what_is_asked_wrongly_ends_with_a_sentence_and_its_code(
    site: Site, alarms: Alarms, weir: Alarms, tmp_path: Path
) -> None:
    unknown = alarms("ack", LEAK_ID, "--note", "x")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is no alarm" in unknown.stderr
    assert alarms("ack", "leak", "--note", "x").returncode == 2
    assert alarms("ack", LEAK_ID).returncode == 2
    assert alarms("--meter", str(STRANGER)).returncode == 1
    assert alarms("--meter", "one").returncode == 2
    assert weir("alarms", "--socket", str(tmp_path / "none.sock")).returncode == 3


def test_events_are_followed_as_they_come_until_interrupted(site: Site) -> None:
    following = subprocess.Popen(
        [sys.executable, "-u", "-m", "weir_tools", "alarms", "--follow", "--socket", site.socket],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert following.stdout is not None
    assert following.stdout.readline() == "No active alarms.\n"
    site.tell(event(0, LEAK, RAISE), event(1, LEAK, CLEAR))
    lines = [following.stdout.readline() for _ in range(2)]
    assert lines[0].endswith(
        f"meter 1001  water never stops flowing: for 120 s, limit 100 s  ({LEAK_ID})\n"
    )
    assert "leak cleared: it lasted 120 s" in lines[1]
    following.send_signal(signal.SIGINT)
    assert following.wait(60) == 130
    following.stdout.close()
