# The package cobs has no types of its own. Only what this project uses is declared.
