"""The virtual world: what stands for flash, links, clocks and power where nothing is real."""
