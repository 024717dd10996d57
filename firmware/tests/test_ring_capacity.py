"""The figures of a ring in a real size (CPython only: it takes millions of slot operations)."""

from test_ring import RingFlash, opened

from weir.store.ring import PAYLOAD_SIZE


def check(flash: RingFlash, capacity_min: int) -> None:
    """Fill one and a half times; count what is kept, and the reads of every mount on the way."""
    ring = opened(flash)
    appends = capacity_min * 3 // 2
    for sequence in range(appends):
        ring.append(sequence.to_bytes(PAYLOAD_SIZE, "little"))
        if sequence % 9973 == 0 or sequence == appends - 1:
            flash.read_count = 0
            again = opened(flash)
            assert flash.read_count <= 300
            assert again.sequence_next == sequence + 1
            assert again.sequence_oldest == ring.sequence_oldest
    assert ring.sequence_next - ring.sequence_oldest >= capacity_min
    assert flash.program_count <= 1.2 * appends
    assert flash.erase_count <= 0.02 * appends


def test_8_mb_hold_250_000_records_and_mount_in_300_reads() -> None:
    check(RingFlash(4096, 2048), 250_000)


def test_512_kb_hold_16_000_records() -> None:
    check(RingFlash(4096, 128), 16_000)
