"""The process that a command runs in: its memory, its threads, the signals that it gets."""
