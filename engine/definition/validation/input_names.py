"""Checks that edges bring the inputs that a node's code reads by name."""

from collections.abc import Mapping, Sequence

from engine.definition.validation.edges import Link
from engine.definition.validation.problem_list import ProblemList
from engine.nodes.base import InputReads
from engine.problems import FIX_LENGTH_MAX, Fix, Path, nearest
from engine.sentences import Sentence, any_of
from engine.sentences import gettext_noop as _

_NAMES_MAX = 8
"""Inputs that a sentence lists."""


def check_input_names(
    input_reads: Mapping[str, tuple[Path, InputReads]], links: Sequence[Link], problems: ProblemList
) -> None:
    """Warn of code that reads an input which no edge brings.

    `input_reads`: by node id, the path of its config and what its code reads.
    """
    ports: dict[str, list[str]] = {}
    for link in links:
        if link.order:
            continue
        ports.setdefault(link.target, []).append(link.target_port)
    for node, (path, code) in input_reads.items():
        names = ports.get(node, [])
        if "" in names:
            # An edge with a wrong port may be the one whose value is read.
            continue
        for name in dict.fromkeys(read.name for read in code.reads):
            if name not in names:
                _report(name, code, names, node, (*path, *code.path), problems)


def _report(name: str, code: InputReads, names: list[str], node: str, path: Path, problems: ProblemList) -> None:
    reads = [read for read in code.reads if read.name == name]
    near = nearest(name, names) or (names[0] if len(names) == 1 else None)
    fix = None
    if near is not None and len(code.text) <= FIX_LENGTH_MAX:
        corrected = code.text
        for start, end in sorted((read.span for read in reads), reverse=True):
            quote = corrected[start] if corrected[start] in "'\"" else '"'
            corrected = f"{corrected[:start]}{quote}{near}{quote}{corrected[end:]}"
        fix = Fix.use(near, path, corrected)
    message = (
        _('The node has no input "{name}". Available inputs: {names}.')
        if names
        else _('The node has no input "{name}": no edge leads to it.')
    )
    sentence = Sentence(message, {"name": name, "names": any_of(names[:_NAMES_MAX])})
    line, span = reads[0].line, reads[0].span
    problems.add("unknown_port", sentence, path, node=node, severity="warning", line=line, span=span, fix=fix)
