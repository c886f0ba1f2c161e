"""The output: turns the engine's events into completion events.

Detokenizes, separates reasoning, calls and content, applies stop sequences, checks documents, sums usage.
"""
