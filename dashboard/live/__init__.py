"""Live views over websockets, and requests that wait for the end of a run.

The database is the record. Hints of the scheduler say which runs have something new; everything that is sent to a
client is read from the database afterwards, so a lost hint costs at most a second and a lost message nothing.
"""
