"""What Linux reports about running processes: /proc, sockets, threads and stacks. Takes pids and plain values."""
