"""HTTP serving: Django's WSGI handler on threads inside the ASGI server, and built files."""
