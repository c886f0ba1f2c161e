"""The engine room: token ids in, token ids out, many sequences at once.

Knows no HTTP, messages, templates or JSON. Other rooms use `engine.engine.Engine` with the types of `protocol`; a
backend implements `runner.ModelRunner`. Nothing is imported here: a process that needs one module only starts
without numpy.
"""
