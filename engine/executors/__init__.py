"""What runs attempts: the interface (`base`), the executor of hosts (`celery`), and the choice between the executors.

The executor of one host is `engine.supervisor`.
"""
