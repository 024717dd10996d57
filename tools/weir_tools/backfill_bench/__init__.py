"""How long a meter takes to hand over what it recorded while nobody answered it."""
