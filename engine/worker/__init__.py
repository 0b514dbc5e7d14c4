"""The node process: runs attempts one at a time. It loads no Django, opens no database, and runs on Python 3.10 too."""

ENGINE_FOLDER = __file__.rsplit("/", 2)[0] + "/"
"""Frames of files under this folder are the product's, not the author's."""
MAIN = ENGINE_FOLDER + "worker/main.py"
"""The script that a node process is started with."""
