"""How pages and the API are served: WSGI on threads inside the ASGI server, and built files."""
