"""The app room: the one place that builds objects and wires them. Sees all rooms, seen by none
but the command line."""
