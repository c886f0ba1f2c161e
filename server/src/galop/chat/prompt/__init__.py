"""The prompt: chat template, its rendering, offered tools, encoder."""
