"""`up`: one command that starts, watches and restarts the processes of an installation.

`parent` is what the command runs; `child` is the script that each started process begins with; `web`, `scheduler` and
`worker` are what the children do.
"""
