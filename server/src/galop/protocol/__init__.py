"""The protocol room: requests, events, errors and constraint specs that other rooms pass to each other.

Imports no other room.
"""
