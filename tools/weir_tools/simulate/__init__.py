"""`weir simulate`: `options` become meters and a clock, `run` runs them."""
