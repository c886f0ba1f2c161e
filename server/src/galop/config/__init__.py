"""The settings: their table, their sources, and the model that they name."""
