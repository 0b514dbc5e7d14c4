"""Entry of a node process: `python -I main.py --in FD --out FD --parent PID --folder PATH --mark MARK [--ask FD]
[--stack FD] [--groups FILES] [--lease FD]`.

With `--resolve` alone it evaluates expressions for a node process that cannot (see engine.worker.evaluate).

It runs under any Python from 3.10, which may have other packages installed than the product's own. So the product's
folder is not put on `sys.path`: only the package `engine` is registered, with its folder.
"""

import sys


def register_engine(folder: str) -> None:
    """Let `import engine...` work from `folder`, the package's own, without a change of `sys.path`."""
    from importlib.machinery import ModuleSpec

    spec = ModuleSpec("engine", None, is_package=True)
    spec.submodule_search_locations = [folder]
    # As importlib.util.module_from_spec does it, whose import takes longer than everything else here.
    module = type(sys)("engine")
    module.__spec__, module.__path__, module.__package__ = spec, [folder], "engine"
    sys.modules["engine"] = module


if __name__ == "__main__":
    if sys.version_info < (3, 10):  # noqa: UP036 INTERLOCK_NODE_PYTHON may name an older one
        sys.exit(f"Nodes need Python 3.10 or newer; {sys.executable} is {sys.version.split()[0]}.")
    register_engine(__file__.rsplit("/", 2)[0])
    if sys.argv[1:] == ["--resolve"]:
        from engine.worker.evaluate import answer

        answer()
    else:
        from engine.worker.process import main

        main(sys.argv[1:])
