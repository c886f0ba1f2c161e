"""The backends room: model runners and tokenizers, with llama.cpp or scripted for tests."""
