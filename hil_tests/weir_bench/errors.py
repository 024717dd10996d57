"""What can go wrong with the bench itself, as opposed to what it tests."""


class BenchFault(Exception):
    """The bench cannot do what a test asks for. The text says what and where to look."""
