"""`up`: one command that starts, watches and restarts the processes of an installation.

The command runs `manager`. Every process that it starts is the script `child`, which runs `web`, `scheduler` or
`worker`.
"""
