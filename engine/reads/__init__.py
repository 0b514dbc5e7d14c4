"""Reads for pages, the API and sockets. Nothing here writes."""
