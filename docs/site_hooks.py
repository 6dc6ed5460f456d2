"""What the site takes from the source: the names behind each door, the help of the command line, and the explorer.

A page asks for the first two with a comment: ``<!-- names of synaptogen.learn -->`` or ``<!-- command line -->``. The
explorer becomes the file ``play.html``.
"""

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
NAMES = re.compile(r"<!-- names of ([\w.]+) -->")
COMMANDS = "<!-- command line -->"
WITH_INHERITED = ("DeviceParams",)  # classes whose methods are in several files


def on_files(files, config):
    """Add the explorer to the files of the site; mkdocs calls this once."""
    from mkdocs.structure.files import File

    from synaptogen import DeviceParams, explore

    params = DeviceParams.preset("hennen2024").with_fluctuation("hfox-1t1r")
    shown = (params, params.compact(8), params.with_order(1))
    content = explore.page([explore.source_of(each) for each in shown])
    files.append(File.generated(config, "play.html", content=content))
    return files


def on_page_markdown(markdown, **_):
    """Replace the comments of a page; mkdocs calls this for each."""
    markdown = NAMES.sub(lambda found: reference(found[1]), markdown)
    return markdown.replace(COMMANDS, command_line()) if COMMANDS in markdown else markdown


def door_names(package):
    """Names in ``__all__`` of a package, without importing it."""
    tree = ast.parse((SOURCE / package.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    raise ValueError(f"{package} has no __all__")


def reference(package):
    """Directives that document every public name of a package; abbreviations such as ADC come last."""
    names = sorted(door_names(package), key=str.isupper)
    inherited = "\n    options:\n      inherited_members: true"
    return "\n\n".join(f"::: {package}.{name}{inherited * (name in WITH_INHERITED)}" for name in names)


def command_line():
    """Help texts of all commands, as a terminal of 100 columns shows them."""
    from typer.main import get_command
    from typer.testing import CliRunner

    from synaptogen.cli.app import app

    settings = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}

    def texts(command, path):
        shown = CliRunner().invoke(app, [*path, "--help"], env=settings, prog_name="synaptogen").stdout
        yield f"## {' '.join(['synaptogen', *path])}\n\n```text\n{shown.strip()}\n```"
        for name, inner in getattr(command, "commands", {}).items():
            yield from texts(inner, [*path, name])

    return "\n\n".join(texts(get_command(app), []))
