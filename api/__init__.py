"""The server: joins chain and fiat into one view. The only package with FastAPI."""
