"""`up`: one command that starts, watches and restarts the processes of an installation.

`parent` is what the command runs; `child` is the script that each started process begins with; `web` and
`scheduler` are what the two children do.
"""
