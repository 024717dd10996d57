"""Sealing: both sides are AES-128-CCM, and nothing changed opens."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscheck.meter_aes import MeterAes
from weir.link import sealing as meter_sealing
from weir_protocol.errors import CallerError, PeerError
from weir_protocol.sealing import DIRECTION_DOWNLINK, DIRECTION_UPLINK, TAG_SIZE, Sealer, nonce

KEY = bytes(range(16))
u32 = st.integers(0, 0xFFFF_FFFF)


def meter_sealer(meter_id: int = 7, epoch: int = 9, key: bytes = KEY) -> meter_sealing.Sealer:
    return meter_sealing.Sealer(meter_id, key, epoch, MeterAes, lambda: 0)


def test_rfc_3610_packet_vector_1_opens() -> None:
    key = bytes.fromhex("C0C1C2C3C4C5C6C7C8C9CACBCCCDCECF")
    at = bytes.fromhex("00000003020100A0A1A2A3A4A5")
    header = bytes.fromhex("0001020304050607")
    sealed = bytes.fromhex("588C979A61C663D2F066D0C2C0F989806D5F6B61DAC38417E8D12CFDF926E0")
    body = bytes.fromhex("08090A0B0C0D0E0F101112131415161718191A1B1C1D1E")
    assert Sealer(key).open(at, header, sealed) == body
    assert meter_sealer(key=key).open(at, header, sealed) == body
    assert meter_sealer(key=key).seal(at, header, body) == sealed


@given(st.binary(min_size=16, max_size=16), u32, u32, u32, st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_meter_and_host_seal_alike(
    key: bytes, meter_id: int, epoch: int, counter: int, body: bytes
) -> None:
    meter = meter_sealer(meter_id, epoch, key)
    for direction in (DIRECTION_UPLINK, DIRECTION_DOWNLINK):
        at = nonce(meter_id, epoch, counter, direction)
        assert meter.nonce(counter, direction) == at
        header = body[:14] or b"\x22"  # a header is never empty
        sealed = Sealer(key).seal(at, header, body)
        assert sealed == AESCCM(key, tag_length=8).encrypt(at, body, header)
        assert meter.seal(at, header, body) == sealed
        assert meter.open(at, header, sealed) == body


@given(st.binary(max_size=60), st.data())
@settings(max_examples=200, deadline=None)
def test_a_frame_with_any_bit_changed_does_not_open(body: bytes, choice: st.DataObject) -> None:
    at = nonce(7, 9, 11, DIRECTION_UPLINK)
    header = b"\x22\x07\x00\x00\x00\x0b"
    whole = header + Sealer(KEY).seal(at, header, body)
    bit = choice.draw(st.integers(0, 8 * len(whole) - 1))
    changed = bytearray(whole)
    changed[bit // 8] ^= 1 << bit % 8
    clear, sealed = bytes(changed[: len(header)]), bytes(changed[len(header) :])
    with pytest.raises(PeerError, match="WL-SEA-04"):
        Sealer(KEY).open(at, clear, sealed)
    assert meter_sealer().open(at, clear, sealed) is None


@pytest.mark.parametrize("place", range(TAG_SIZE))
def test_a_frame_with_any_byte_of_its_tag_changed_opens_for_nobody(place: int) -> None:
    at = nonce(7, 9, 11, DIRECTION_UPLINK)
    sealed = bytearray(Sealer(KEY).seal(at, b"header", b"body"))
    assert meter_sealer().open(at, b"header", bytes(sealed)) == b"body"
    sealed[-TAG_SIZE + place] ^= 0x10
    with pytest.raises(PeerError, match="WL-SEA-04"):
        Sealer(KEY).open(at, b"header", bytes(sealed))
    assert meter_sealer().open(at, b"header", bytes(sealed)) is None


@pytest.mark.parametrize("change", ["meter_id", "epoch", "counter", "direction"])
def test_a_frame_opens_under_its_own_nonce_only(change: str) -> None:
    own = {"meter_id": 7, "epoch": 9, "counter": 11, "direction": DIRECTION_UPLINK}
    sealed = Sealer(KEY).seal(nonce(**own), b"", b"body")
    other = {**own, change: own[change] ^ 1}
    with pytest.raises(PeerError, match="WL-SEA-04"):
        Sealer(KEY).open(nonce(**other), b"", sealed)


@pytest.mark.parametrize("size", range(8))
def test_a_frame_without_room_for_a_tag_is_dropped(size: int) -> None:
    with pytest.raises(PeerError, match="WL-SEA-03"):
        Sealer(KEY).open(nonce(7, 9, 11, DIRECTION_UPLINK), b"", bytes(size))
    assert meter_sealer().open(nonce(7, 9, 11, DIRECTION_UPLINK), b"", bytes(size)) is None


def test_a_key_of_the_wrong_size_is_named_by_its_size_only() -> None:
    with pytest.raises(CallerError, match="a key has 16 bytes, this one has 5"):
        Sealer(b"short")
