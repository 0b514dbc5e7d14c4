"""A host of attempts: one supervisor beside a Celery worker, and its letters to the scheduler through the database.

Loads no Django. `loop` owns the supervisor, `postman` the reports, the lease and the wishes, `records` the statements;
`step` ties them to the worker, `guard` outlives it.
"""
