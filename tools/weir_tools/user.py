"""Who types: the name that is kept with what a person asks for."""

import getpass


def user_name() -> str:
    """Return the user of this terminal."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return "local user"
