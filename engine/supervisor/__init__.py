"""The supervisor of one host: node processes, the attempts in them, their limits, measurements, stacks and end."""
