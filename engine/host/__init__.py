"""A host: one supervisor beside a Celery worker, which takes work from the database and reports to it.

Loads no Django. `host` owns the supervisor, `reporter` writes reports and renews the lease, `store` has the statements,
`bootstep` ties them to the worker, and `guard` is a process that outlives the worker.
"""
