"""A frame explained field by field: `wire_text` reads it, `anatomy` takes it apart."""
