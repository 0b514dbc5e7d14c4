"""Live updates over websockets, and requests that wait for the end of a run.

How an event reaches a browser: the scheduler sends a hint. `hub` receives it and passes it on to the channel layer's
group of that run. `consumers` receive it there and ask the run's `feed` for the new events, which it reads from the
database once for all watchers. Everything that is sent to clients comes from the database, so a lost hint or message
causes a delay of at most a second.
"""
