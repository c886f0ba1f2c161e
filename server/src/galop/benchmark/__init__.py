"""Measuring chat completion servers from outside: `client` sends and times, `statistics` compares."""
