"""The engine room: token ids in, token ids out, many sequences at once.

Knows no HTTP, no role, no template, no JSON. Others use `engine.Engine` with the types of `protocol`;
whoever brings a model implements `runner.ModelRunner`. Nothing is imported here, so that whoever needs
one module alone starts without numpy.
"""
