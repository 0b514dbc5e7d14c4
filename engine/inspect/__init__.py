"""What Linux says about running processes: /proc, sockets, threads and stacks."""
