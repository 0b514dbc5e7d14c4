"""`manage.py bench`: speed and memory of the whole product, beside a raw floor measured in the same run."""
