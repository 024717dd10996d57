"""What can go wrong in the store."""


class FlashWornOut(Exception):
    """No sector of a region takes a write any more."""
