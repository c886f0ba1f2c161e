"""The functions that one answer may call, and the JSON Schemas of their arguments."""
