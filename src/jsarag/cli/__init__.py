"""The command line ``jsarag``: one file a command."""
