"""What tests say on CPython and on MicroPython alike."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def raises(error: "type[BaseException]", call: "Callable[..., object]", *arguments: object) -> str:
    """Call; return the text of the error that must be raised."""
    try:
        call(*arguments)
    except error as caught:
        return str(caught)
    raise AssertionError("nothing was raised")
