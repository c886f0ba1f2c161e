"""Models that compute logits: llama.cpp, and a scripted one for tests."""
