"""Problems of the config of `table.read` that its schema does not find."""

from collections.abc import Iterator

from engine.nodes.base import Config
from engine.problems import ConfigProblem
from engine.sentences import Sentence
from engine.sentences import gettext_noop as _
from engine.worker.paths import DRIVERS, is_chained, url_scheme


def check_read(config: Config) -> Iterator[ConfigProblem]:
    """Refuse URLs that cannot be read, and a limit of skipped rows where none are skipped."""
    path = config["path"]
    scheme = url_scheme(path)
    if scheme and (is_chained(path) or scheme not in DRIVERS):
        message = _(
            "{scheme}:// cannot be read, nor one URL through another (::). Use object storage ({schemes}), a path "
            "under the files folder, or an absolute path."
        )
        yield ConfigProblem(
            "path_scheme", Sentence(message, {"scheme": scheme, "schemes": ", ".join(DRIVERS)}), ("path",)
        )
    options = config.get("options") or {}
    if options.get("max_skipped") is not None and not options.get("ignore_errors"):
        message = _(
            "A limit of skipped rows has no effect unless invalid rows are skipped. Turn that on, or remove the limit."
        )
        yield ConfigProblem("without_effect", Sentence(message), ("options", "max_skipped"))
