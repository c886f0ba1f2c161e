"""The grammar room: what may come next.

Others use `factory.GrammarFactory`, which implements what `engine` asks of a constraint, the two
functions of `tokenizer` that it is built from, and `json_text`, which knows where a document can end.
They are imported from their modules: the server process needs the last one and not llguidance.
"""
