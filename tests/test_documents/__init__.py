"""Documents to passages: formats, chunks, folders that change, files that are broken."""
