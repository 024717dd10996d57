"""Byte streams to meters, and what drives them."""
