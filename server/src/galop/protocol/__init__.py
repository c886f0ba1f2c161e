"""The ground floor: requests, events, errors and constraint specs that rooms pass to each other.

Imports no other room.
"""
