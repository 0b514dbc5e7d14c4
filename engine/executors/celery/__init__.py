"""The executor of the scaled form: attempts run on the hosts of Celery workers, with the database in between.

`executor` is what the scheduler uses. `in_flight` counts what is dispatched, `leases` judges the hosts, `notifier`
tells them about work, and `app` is the Celery app that they share with it.
"""
