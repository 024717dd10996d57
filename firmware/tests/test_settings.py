"""Settings come into force whole, stay on trial until a session works, and survive any reset."""

from weir.settings import table_gen as g
from weir.settings.in_force import TRIAL_CALLS_MAX, Settings
from weir.store.vault import Vault
from weir_tools.virtual.flash import CUT_MODES, FaultyFlash, PowerCut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE, STORE, PORT = g.K_SAMPLE_INTERVAL_S, g.K_STORE_INTERVAL_S, g.K_LINK_PORT
PROVISIONED = {STORE: 1800, g.K_PULSE_WEIGHT_ML: 10}
UNKNOWN_KEY = 249


def new_flash() -> FaultyFlash:
    return FaultyFlash(4096, 3, program_size=4)


def settings_on(flash: FaultyFlash) -> Settings:
    return Settings(PROVISIONED, Vault(flash, 0))


def state_of(settings: Settings) -> "tuple[object, ...]":
    """Return all that a start must find again."""
    return (
        settings.version,
        settings.first_sequence,
        settings.given_up,
        settings.on_trial,
        [settings.value(key) for key in g.KEYS],
        settings.overrides_before() if settings.on_trial else None,
    )


def test_a_new_meter_has_what_it_was_provisioned_with_and_the_defaults() -> None:
    settings = settings_on(new_flash())
    assert settings.version == 0
    assert not settings.on_trial
    assert settings.value(STORE) == 1800
    assert settings.value(SAMPLE) == 60
    assert settings.changed_keys() == bytes((STORE, g.K_PULSE_WEIGHT_ML))


def test_a_version_says_all_that_is_not_as_provisioned() -> None:
    settings = settings_on(new_flash())
    settings.apply(5, {STORE: 3600, SAMPLE: 30}, 17)
    settings.apply(6, {SAMPLE: 20}, 18)
    assert settings.value(SAMPLE) == 20
    assert settings.value(STORE) == 1800
    assert (settings.version, settings.first_sequence) == (6, 18)


def test_what_is_in_force_is_there_after_a_reset() -> None:
    flash = new_flash()
    settings = settings_on(flash)
    settings.apply(5, {SAMPLE: 30, g.K_DRIFT_CORRECTION_PPB: -200_000}, 0xFFFFFFFF)
    assert state_of(settings_on(flash)) == state_of(settings)
    settings.confirm()
    assert state_of(settings_on(flash)) == state_of(settings)
    assert not settings.on_trial


def test_every_key_at_its_bounds_survives_a_reset_beside_what_was_before() -> None:
    flash = new_flash()
    settings = settings_on(flash)
    for place in (0, 1):  # lowest and highest of each row
        overrides = {}
        for row, key in enumerate(g.KEYS):
            at = row * g.ROW_SIZE + place * 4
            raw = int.from_bytes(g.ROWS[at : at + 4], "little")
            overrides[key] = raw - 2**32 if raw >= 2**31 else raw
        assert settings.apply(7 + place, overrides, 1)
        again = settings_on(flash)
        assert {key: again.value(key) for key in g.KEYS} == overrides
        settings.confirm()


def test_two_calls_that_were_begun_and_never_answered_lose_the_trial_over_resets_too() -> None:
    for resets in (False, True):
        flash = new_flash()
        settings = settings_on(flash)
        settings.apply(1, {SAMPLE: 30}, 4)
        settings.confirm()
        settings.apply(2, {PORT: 1}, 5)
        for call in range(1, TRIAL_CALLS_MAX + 1):
            settings.begin_trial_call()
            if resets:
                settings = settings_on(flash)
            assert settings.trial_is_lost == (call == TRIAL_CALLS_MAX)
        assert settings.overrides_before() == {SAMPLE: 30}
        settings.roll_back(9)
        for one in (settings, settings_on(flash)):
            assert (one.version, one.given_up, one.first_sequence) == (1, 2, 9)
            assert one.value(SAMPLE) == 30
            assert one.value(PORT) == 0
            assert not one.on_trial


def test_an_answer_to_the_last_call_takes_back_that_it_was_counted() -> None:
    flash = new_flash()
    settings = settings_on(flash)
    settings.apply(2, {PORT: 1}, 5)
    for _ in range(TRIAL_CALLS_MAX):
        settings.begin_trial_call()
    settings.confirm()
    for one in (settings, settings_on(flash)):
        assert not one.trial_is_lost
        assert not one.on_trial


def test_a_version_given_up_is_remembered_until_another_is_applied() -> None:
    flash = new_flash()
    settings = settings_on(flash)
    settings.apply(2, {PORT: 1}, 5)
    settings.roll_back(6)
    assert settings_on(flash).given_up == 2
    settings.apply(3, {}, 7)
    assert settings_on(flash).given_up == 0


def test_a_change_of_what_is_on_trial_goes_back_to_what_worked() -> None:
    settings = settings_on(new_flash())
    settings.apply(1, {SAMPLE: 30}, 1)
    settings.confirm()
    settings.apply(2, {SAMPLE: 20}, 2)
    settings.apply(3, {PORT: 1}, 3)
    settings.roll_back(4)
    assert (settings.version, settings.value(SAMPLE)) == (1, 30)


def test_overrides_that_this_firmware_does_not_take_are_ignored_and_kept() -> None:
    flash = new_flash()
    settings_on(flash).apply(4, {UNKNOWN_KEY: 7, SAMPLE: 0, STORE: 600}, 0)
    settings = settings_on(flash)
    assert settings.value(SAMPLE) == 60
    assert settings.value(STORE) == 600
    settings.confirm()
    again = settings_on(flash)
    assert again.value_under({}, STORE) == 1800
    again.apply(5, {}, 0)
    assert again.overrides_before() == {UNKNOWN_KEY: 7, SAMPLE: 0, STORE: 600}


def test_flash_that_takes_nothing_leaves_what_is_in_force() -> None:
    flash = new_flash()
    settings = settings_on(flash)
    settings.apply(1, {SAMPLE: 30}, 1)
    before = state_of(settings)
    flash.unprogrammable.update(range(3))
    assert not settings.apply(2, {SAMPLE: 20}, 2)
    assert state_of(settings) == before


STEPS: "tuple[Callable[[Settings], object], ...]" = (
    lambda settings: settings.apply(1, {SAMPLE: 30, STORE: 600}, 10),
    lambda settings: settings.confirm(),
    lambda settings: settings.apply(2, {PORT: 9}, 20),
    lambda settings: settings.begin_trial_call(),
    lambda settings: settings.roll_back(30),
    lambda settings: settings.apply(3, {STORE: 300}, 40),
    lambda settings: settings.confirm(),
)


def test_a_reset_in_any_flash_operation_leaves_the_state_before_or_after() -> None:
    cuts = 0
    for mode in CUT_MODES:
        operation = 0
        while cut_once(operation, mode):
            operation += 1
        cuts += operation
    assert cuts >= len(CUT_MODES) * len(STEPS) * 2


def cut_once(operation: int, mode: str) -> bool:
    """Take the steps and cut one flash operation; return whether there was such a one."""
    flash = new_flash()
    flash.cut_at, flash.cut_mode = operation, mode
    settings = settings_on(flash)
    for place, step in enumerate(STEPS):
        before = state_of(settings)
        try:
            step(settings)
        except PowerCut:
            found = settings_on(flash)
            assert state_of(found) in (before, after_steps(place + 1))
            return True
    return False


def after_steps(count: int) -> "tuple[object, ...]":
    settings = settings_on(new_flash())
    for step in STEPS[:count]:
        step(settings)
    return state_of(settings)
