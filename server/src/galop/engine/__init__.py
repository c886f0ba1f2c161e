"""The engine room: token ids in, token ids out, many sequences at once.

Knows no HTTP, no role, no template, no JSON. Others use `engine.Engine`, the types of `generation`,
and the errors of `errors`; who brings a model implements `runner.ModelRunner`. Nothing is imported
here: the server needs the types alone, and starts without numpy.
"""
