"""A conversation becomes the token ids of a prompt: chat template, encoder, offered tools."""
