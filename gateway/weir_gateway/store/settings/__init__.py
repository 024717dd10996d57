"""What each meter is to be set to, what it says is in force, and how the one becomes the other.

Every change of state is decided inside a transaction, from what the meter attests in its uplinks.
"""
