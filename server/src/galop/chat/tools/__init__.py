"""The tools of a request, and the JSON Schemas of their arguments."""
