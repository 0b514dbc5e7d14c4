"""Why a run is as it is: facts from the database (facts.py), pure rules that make findings of them.

A finding names its cause, the evidence it rests on, and the calls that help. Nothing here writes.
"""
