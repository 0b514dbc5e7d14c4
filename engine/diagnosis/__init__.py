"""Why a run is as it is: `diagnose` reads facts from the database, and pure rules turn them into findings.

A finding names its cause, the evidence it rests on, and the calls that help. Nothing here writes.
"""
