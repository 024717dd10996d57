"""What the unix target is made of: a meter without hardware, and everything wired to it."""
