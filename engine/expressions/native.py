"""The native extension of the `cel` package, loaded without the rest of the package."""

import functools
import importlib
import importlib.util
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder
from typing import Any


@functools.cache
def load() -> Any:
    """Return the module with `compile`. Raises ModuleNotFoundError (name `cel`) if the package is not installed.

    `import cel` would also load the package's command line with prompt_toolkit, typer and rich: 0.2 s and 15 MB in
    every node process, where the extension alone takes a millisecond.
    """
    if "cel.cel" in sys.modules:
        return sys.modules["cel.cel"]
    package = importlib.util.find_spec("cel")
    if package is None:
        raise ModuleNotFoundError("No module named 'cel'", name="cel")
    for folder in package.submodule_search_locations or ():
        extension = FileFinder(folder, (ExtensionFileLoader, EXTENSION_SUFFIXES)).find_spec("cel.cel")
        if extension is not None and extension.loader is not None:
            module = importlib.util.module_from_spec(extension)
            extension.loader.exec_module(module)
            # The extension panics when it is loaded twice, so an author's own `import cel` must find this one.
            sys.modules["cel.cel"] = module
            return module
    return importlib.import_module("cel")  # a later release with another layout
