"""Code of nodes that never end, each for its own cause. Fill in {name} and {number}."""

SLEEP = """
import time

def main(inputs, ctx):
    time.sleep({number})
"""
LOOP = """
def main(inputs, ctx):
    {name} = {number}
    while {name} > 0:
        {name} += 1
"""
SOCKET = """
import socket

def main(inputs, ctx):
    {name} = socket.create_connection(("127.0.0.1", {number}))
    return {name}.recv(1).decode()
"""
CHILD = """
import subprocess

def main(inputs, ctx):
    return subprocess.run(["sleep", "{number}"], capture_output=True).returncode
"""
DEADLOCK = """
import threading
import time

def main(inputs, ctx):
    one, two = threading.Lock(), threading.Lock()
    def {name}_a():
        with one:
            time.sleep(0.2)
            with two:
                pass
    def {name}_b():
        with two:
            time.sleep(0.2)
            with one:
                pass
    threads = [threading.Thread(target=f, name=f.__name__, daemon=True) for f in ({name}_a, {name}_b)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""
