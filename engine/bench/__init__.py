"""What `manage.py bench` measures: the product as its users run it, beside a raw floor on the same machine."""
