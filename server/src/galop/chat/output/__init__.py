"""The engine's events become what a completion says: text, reasoning, calls, stop sequences, usage."""
