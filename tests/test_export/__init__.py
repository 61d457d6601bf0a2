"""Exports: opened by other libraries in a process without jsarag, loaded again, in vector stores, on the hub."""
