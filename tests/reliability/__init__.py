"""The attack on what is kept: kills, damaged files, full disks, threads; ``python -m tests.reliability``."""
