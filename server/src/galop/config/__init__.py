"""The settings: their table, the places they are read from, and the models they name."""
