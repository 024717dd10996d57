"""Registers continue absolute totals over restarts and 32 bits."""

from weir.metrology.registers import Registers

MAX = 0xFFFFFFFF


def test_a_take_adds_what_the_hardware_counted_since_the_last() -> None:
    registers = Registers(1000, 50)
    for forward, reverse in ((7, 0), (7, 0), (19, 3), (19, 4)):
        assert registers.take(forward, reverse)
    assert (registers.forward_pulses, registers.reverse_pulses) == (1019, 54)


def test_catching_up_never_turns_a_register_back() -> None:
    registers = Registers(1000, 50)
    registers.catch_up(990, 60)
    assert (registers.forward_pulses, registers.reverse_pulses) == (1000, 60)
    registers.catch_up(1010, 40)
    assert (registers.forward_pulses, registers.reverse_pulses) == (1010, 60)


def test_which_register_is_ahead_is_told_across_the_wrap_at_32_bits() -> None:
    registers = Registers(2, MAX)
    registers.catch_up(MAX - 1, 3)
    assert (registers.forward_pulses, registers.reverse_pulses) == (2, 3)
    registers.catch_up(MAX, MAX - 1)
    assert (registers.forward_pulses, registers.reverse_pulses) == (2, 3)


def test_registers_and_hardware_totals_wrap_at_32_bits() -> None:
    registers = Registers(MAX - 2, MAX)
    assert registers.take(MAX // 2, 1)
    assert registers.take(MAX - 1, 1)
    assert registers.take(3, 2)
    assert registers.forward_pulses == (MAX - 2 + MAX + 1 + 3) & MAX
    assert registers.reverse_pulses == 1


def test_a_hardware_total_that_went_back_is_told_and_its_new_count_added() -> None:
    registers = Registers(100, 10)
    assert registers.take(50, 5)
    assert not registers.take(2, 1)
    assert (registers.forward_pulses, registers.reverse_pulses) == (152, 16)
    assert registers.take(4, 1)
    assert registers.forward_pulses == 154
