"""Live updates over websockets, and requests that wait for the end of a run.

How news of a run reach a browser: the scheduler sends a hint, `hub` receives it and passes it on to the channel layer's
group of that run, `consumers` get it there and ask the run's `feed` for the new events, which it reads from the
database once for all watchers. All that is sent to clients comes from the database, so a lost hint costs at most a
second and a lost message nothing.
"""
