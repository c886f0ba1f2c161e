"""The llama room: the only importer of llama_cpp. Implements what `engine` and `chat` ask for.

Nothing is imported here: the server process needs `model` and `tokenizer`, and not numpy for `runner`.
"""
