"""Changes of meters' settings: asked for, decided, and told to whoever wants to know."""
