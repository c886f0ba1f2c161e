"""The grammar room: what may come next in a document, and how it ends within a budget.

Other rooms use `factory.GrammarFactory` (the engine's constraints), the two functions of `tokenizer`
that it is built from, `compiled_schema.compile_schema` and `text.DocumentText` (documents as
text). They import them from their modules: the server process must not load
llguidance before it needs it.

Theory of operation
============"""
