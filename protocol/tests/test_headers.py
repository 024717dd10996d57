"""Headers and bodies: what is malformed is refused by rule, and nothing else is raised."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.vector_cases import cases
from weir.link import codec
from weir_protocol.errors import CallerError, PeerError
from weir_protocol.frames import FrameType, Header, build_body, parse_body, peek_header


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        ("", "WL-HDR-01"),
        ("2281969800", "WL-HDR-01"),
        ("2281969800ff", "WL-HDR-01"),
        ("428196980001", "WL-HDR-01"),
        ("2f8196980001", "WL-HDR-02"),
        ("22819698008000", "WL-HDR-03"),
        ("2281969800ffffffff1f", "WL-HDR-03"),
        ("2281969800ffffffffffffffffff01", "WL-HDR-03"),
        ("21819698000a010203", "WL-HDR-04"),
    ],
)
def test_a_malformed_header_is_refused_by_its_rule(frame: str, rule: str) -> None:
    with pytest.raises(PeerError) as caught:
        peek_header(bytes.fromhex(frame))
    assert caught.value.rule == rule


@given(st.binary(max_size=40))
@settings(max_examples=1000, deadline=None)
def test_any_bytes_are_a_header_or_are_refused_by_rule(garbage: bytes) -> None:
    try:
        header = peek_header(garbage)
    except PeerError as error:
        assert error.rule.startswith("WL-HDR")
    else:
        assert garbage.startswith(header.encode())


@given(st.sampled_from(list(FrameType)), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_the_meter_writes_and_reads_the_same_headers(
    kind: FrameType, meter_id: int, counter: int
) -> None:
    epoch = 0xABCD if kind is FrameType.HELLO else None
    encoded = Header(kind, meter_id, counter, epoch).encode()
    assert codec.header(kind, meter_id, counter, 0xABCD) == encoded
    assert peek_header(encoded) == Header(kind, meter_id, counter, epoch)
    downlink = (int(kind), meter_id, counter, len(encoded))
    assert codec.split_downlink(encoded + b"\x00") == (None if kind.is_uplink else downlink)


@given(st.binary(max_size=30))
@settings(max_examples=500, deadline=None)
def test_the_meter_takes_any_bytes_for_a_downlink_or_for_nothing(garbage: bytes) -> None:
    split = codec.split_downlink(garbage)
    if split is not None:
        kind, meter_id, counter, size = split
        assert kind >= 0x10
        assert size <= len(garbage)
        if kind in list(FrameType):
            assert Header(FrameType(kind), meter_id, counter).encode() == garbage[:size]


@pytest.mark.parametrize("kind", [kind for kind in FrameType if kind is not FrameType.READINGS])
def test_a_body_cut_short_or_with_a_byte_more_is_refused(kind: FrameType) -> None:
    case = next(case for case in cases() if case.frame_type is kind)
    body = build_body(kind, case.fields)
    for wrong in (body[:-1], body + b"\x00"):
        with pytest.raises(PeerError, match="WL-TYP-01"):
            parse_body(kind, wrong)
        assert codec.unpack_body(kind, wrong) is None


@pytest.mark.parametrize("kind", list(FrameType))
@given(garbage=st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_body_or_are_refused_by_rule(kind: FrameType, garbage: bytes) -> None:
    try:
        parse_body(kind, garbage)
    except PeerError as error:
        assert error.rule.startswith("WL-")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"answers": 1},
        {"answers": -1, "request": 0},
        {"answers": 1, "request": 70_000},
        {"answers": "1", "request": 0},
    ],
)
def test_fields_that_do_not_fit_a_layout_are_a_callers_error(fields: dict[str, Any]) -> None:
    with pytest.raises(CallerError, match="READ_NOW"):
        build_body(FrameType.READ_NOW, fields)
