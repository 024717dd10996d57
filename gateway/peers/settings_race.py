"""Changes, resets, lost frames and rollbacks race each other between the firmware and the desk.

One meter and one gateway, both with all that is real about them but time and threads.
"""

import json
import random
from pathlib import Path

from peers.mortal_meter import MortalMeter, Provisioned
from peers.prompt_store import PromptStore
from weir.settings import table_gen as g
from weir_gateway.clock import Clock
from weir_gateway.counters import RejectCounters
from weir_gateway.custody import Custodian
from weir_gateway.registry import Registry
from weir_gateway.store import push
from weir_gateway.store.events import sequence_next as event_sequence_next
from weir_gateway.store.settings import versions
from weir_gateway.store.settings.rows import StoredVersion, reported
from weir_gateway.store.settings.rows import versions as stored_versions
from weir_gateway.store.settings.versions import NewVersion
from weir_protocol.frames import peek_header
from weir_protocol.framing import Deframer
from weir_protocol.settings import BY_NAME, RULES, SETTINGS

METER = 1001
KEY = bytes(range(16))
EPOCH = 0x0BAD_CAFE
START_S = 1_790_000_000
HOUR_S = 3600
WRONG_PORT = 9
CALM_TURNS_MAX = 400
PUSH_SHARE = 0.1  # of the steps of the meter
REPEAT_SHARE = 0.2  # of the answers
REPEATED_MAX = 6  # downlinks

_PROVISIONED = dict.fromkeys(
    (g.K_SAMPLE_INTERVAL_S, g.K_STORE_INTERVAL_S, g.K_SEND_INTERVAL_S, g.K_LEAK_GAP_S), HOUR_S
)
_SCHEDULE_AND_LINK = {*range(1, 8), *range(110, 114)}
_RULED = {setting.key for rule in RULES for setting in (rule.lower, rule.upper)}
_FREE = [one for one in SETTINGS if one.key not in _SCHEDULE_AND_LINK | _RULED]
"""What may be changed to any value in its range without a change in how often sessions come."""

Overrides = dict[str, int]


class Race:
    """``rage`` lets anything happen; ``settle`` lets all calm down and sees what is left.

    Whatever happens, the meter has one of the versions that were made, whole.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.meter = MortalMeter(
            Provisioned(METER, KEY, _PROVISIONED), EPOCH, self.chance, frozenset({0})
        )
        self.store = PromptStore(folder / "weir.db")
        keys = folder / "keys.txt"
        keys.touch(mode=0o600)
        keys.write_text(f"{METER} {KEY.hex()}\n")
        self._registry = Registry(keys)
        self._registry.load()
        self._now_ms = START_S * 1000
        self._loss_share = 0.0
        self._deframer = Deframer()
        self._numbers = {0: 0}
        self._contents: dict[int, dict[int, int]] = {0: {}}
        self._version = 0
        self._events_from = 0  # the next that was not looked at
        self._heard: list[bytes] = []  # downlinks that somebody may write again
        self._answered: int | None = None  # counter of the uplink that was answered last
        self._events = (
            self._change,
            self._change,
            self._break_link,
            self._refused,
            self.meter.cut_power,
            self._strike,
            self.start_gateway,
        )
        self.start_gateway()

    def start_gateway(self) -> None:
        """Begin with nothing in the gateway's memory."""
        self._custodian = Custodian(
            self.store,
            self._registry,
            Clock(machine_s=lambda: self._now_ms / 1000),
            RejectCounters(monotonic_s=lambda: self._now_ms / 1000),
            lambda _: None,
            monotonic_s=lambda: self._now_ms / 1000,
        )

    async def rage(self) -> None:
        """Let a few things happen at any moment of a few sessions."""
        self._loss_share = self.chance.choice((0.0, 0.1, 0.4))
        for _ in range(self.chance.randrange(1, 4)):
            self.chance.choice(self._events)()
            await self._turns(self.chance.randrange(10))

    def _change(self) -> None:
        self.make(self._some(self.chance.choice((0, 1, 3, 70))))

    def _break_link(self) -> None:
        self.make({**self._some(2), "link_port": WRONG_PORT})

    def _refused(self) -> None:
        self.make({**self._some(2), "leak_gap_s": 1})

    def _strike(self) -> None:
        self.meter.strike_flash(self.chance.randrange(8))

    def _some(self, count: int) -> Overrides:
        chosen = self.chance.sample(_FREE, min(count, len(_FREE)))
        overrides = {one.name: self.chance.randint(one.low, one.high) for one in chosen}
        if self.chance.random() < 0.2:
            overrides["link_hold"] = 1
        return overrides

    def make(self, overrides: Overrides) -> None:
        """Ask for a change."""
        new = NewVersion(overrides, overrides, "racer")
        versions.make(self.store.connection, METER, new, self._now_ms)
        self._note_content()

    def _note_content(self) -> None:
        """Write down which values each number stands for; an open version may change its own."""
        query = "SELECT version, number, overrides FROM settings_versions ORDER BY number DESC"
        for version, number, overrides in self.store.connection.execute(f"{query} LIMIT 2"):
            if self._numbers.get(version) != number:
                self._numbers[version] = number
                values = json.loads(overrides).items()
                self._contents[version] = {BY_NAME[name].key: value for name, value in values}

    async def _turns(self, count: int) -> None:
        for _ in range(count):
            await self._turn()

    async def _turn(self) -> None:
        pause_ms = self.meter.turn()
        self._see_what_is_in_force()
        is_open = self._answered is not None and self.meter.link.is_open()
        if is_open and self.chance.random() < PUSH_SHARE:
            await self._push(self._answered)
        if self.meter.link.sent:
            await self._exchange()
        if self.meter.link.arrived:
            pause_ms = 20
        pause_ms = max(pause_ms, 1)
        self.meter.let_pass(pause_ms)
        self._now_ms += pause_ms

    def _see_what_is_in_force(self) -> None:
        """It is whole, and older than before only when the version before was given up."""
        settings, before = self.meter.settings, self._version
        self._version = settings.version
        assert self.meter.overrides == self._contents[settings.version]
        if self._numbers[settings.version] < self._numbers[before]:
            assert settings.given_up == before, f"{settings.version} came back after {before}"

    async def _exchange(self) -> None:
        link = self.meter.link
        sent, link.sent = link.sent, b""
        for frame in self._deframer.feed(self._lossy(sent)):
            answer = self._custodian.submit(frame, "race")
            stream = None if answer is None else await answer
            self._note_content()
            if stream is not None:
                self._answered = peek_header(frame).counter
                self._write_down(stream)

    async def _push(self, answered_counter: int) -> None:
        """Write what is due to the meter without an uplink, as to one that listens."""
        due = await self.store.commit(push.reserve, METER, self._now_ms)
        if due is not None:
            self._write_down(self._custodian.tell(METER, due, answered_counter))

    def _write_down(self, stream: bytes) -> None:
        """Carry downlinks to the meter, now and then with one that was heard before."""
        self._heard += [frame + b"\0" for frame in stream.split(b"\0")[:-1]]
        del self._heard[:-REPEATED_MAX]
        self.meter.link.arrived += self._lossy(stream)
        if self._heard and self.chance.random() < REPEAT_SHARE:
            self.meter.link.arrived += self.chance.choice(self._heard)

    def _lossy(self, stream: bytes) -> bytes:
        frames = stream.split(b"\0")[:-1]
        kept = [one for one in frames if self.chance.random() >= self._loss_share]
        return b"".join(one + b"\0" for one in kept)

    async def settle(self) -> None:
        """Lose nothing any more, until both sides have come to rest."""
        self._loss_share = 0.0
        self.meter.spare_flash()
        for _ in range(CALM_TURNS_MAX):
            await self._turn()
            if self.is_settled:
                self._compare_values()
                self._compare_events()
                return
        raise AssertionError(f"no rest: {self.describe()}")

    def _compare_values(self) -> None:
        """See that the gateway knows all values in force that are not the table's defaults."""
        attested = reported(self.store.connection, METER)
        assert attested is not None
        value = self.meter.settings.value
        own = {one.name: value(one.key) for one in SETTINGS if value(one.key) != one.default}
        assert attested.reported == own

    def _compare_events(self) -> None:
        """See that the gateway holds each event since the last time, and came by them in order."""
        connection, events = self.store.connection, self.meter.events
        query = "SELECT sequence, code, phase, value FROM events WHERE sequence >= ?"
        rows = connection.execute(f"{query} ORDER BY number", (self._events_from,)).fetchall()
        held = {sequence: tuple(told) for sequence, *told in rows}
        assert list(held) == sorted(held)
        event = [0] * 6
        for sequence in range(
            max(self._events_from, events.sequence_oldest), events.sequence_next
        ):
            if events.read_into(sequence, event):
                assert held.get(sequence) == tuple(event[2:5]), f"event {sequence}"
        self._events_from = events.sequence_next

    @property
    def is_settled(self) -> bool:
        """One version is in force on both sides, attested with its values, and none is due."""
        connection = self.store.connection
        attested = reported(connection, METER)
        if attested is None or self.meter.on_trial:
            return False
        wanted = versions.desired(connection, METER)
        if wanted is not None and wanted.is_open:
            return False
        if event_sequence_next(connection, METER, EPOCH) != self.meter.events.sequence_next:
            return False
        version = 0 if wanted is None else wanted.version
        return version == attested.version == attested.reported_version == self._version

    async def let_pass(self, span_s: int) -> None:
        """Let this much time pass, and the meter do what is due in it."""
        ends_ms = self._now_ms + span_s * 1000
        while self._now_ms < ends_ms:
            await self._turn()

    async def let_session_pass(self) -> None:
        """Go on until the meter has closed its link once more."""
        link = self.meter.link
        before = link.session_count
        while link.session_count == before:
            await self._turn()

    def states(self) -> list[tuple[Overrides, str]]:
        """Return what every change is to set, and its state, the oldest first."""
        made = stored_versions(self.store.connection, METER, "1")
        return [(one.overrides, one.state) for one in reversed(made)]

    def close(self) -> None:
        self.store.close()

    def describe(self) -> str:
        connection = self.store.connection
        kept: list[StoredVersion] = stored_versions(connection, METER, "1")[:5]
        states = [(one.version, one.state, one.overrides.get("link_port")) for one in kept]
        return f"meter {self._version}, reported {reported(connection, METER)}, {states}"
