"""What README and documentation show, run: Python, shell, YAML, JSON, and the options that their texts name."""
