"""A host: one supervisor beside a Celery worker, which takes work from the database and writes reports to it.

It loads no Django. `host` owns the supervisor, `reporter` writes reports and renews the lease, `store` has the
statements, `bootstep` starts and drains the host with the worker, and `guard` is a process that outlives the worker.
"""
