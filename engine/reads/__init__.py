"""Everything that is read for pages, the API and sockets. Nothing here writes."""
