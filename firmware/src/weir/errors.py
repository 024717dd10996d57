"""Why a meter does not start."""


class StartRefused(Exception):
    """The text is one sentence for whoever has to act: what is wrong, where, what to do."""
