"""Contract of the store that keeps what the meter was provisioned with."""

TYPE_CHECKING = False  # mypy takes this name for True; the meter never runs the import
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object


class KeyStore(Protocol):
    """It never changes within a boot."""

    meter_id: int  # u32, not 0
    key: bytes  # 16 bytes, AES-128; never logged, never sent

    @property
    def settings(self) -> "dict[int, int]":
        """Values by key, each in range; see weir.settings.table_gen."""
