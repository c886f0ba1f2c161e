"""The llama room: models, tokenizers and runners with llama.cpp. Only this room imports llama_cpp.

Nothing is imported here: the server process needs `model` and `tokenizer` without numpy, which `runner`
imports.
"""
