"""The `kmn` command and its sub-commands."""

from __future__ import annotations

from typing import Annotated

import typer

from kmn_cli import __version__
from kmn_cli.commands.doctor import doctor
from kmn_cli.commands.edit import edit
from kmn_cli.commands.evaluate import evaluate
from kmn_cli.commands.export_masks import export_masks
from kmn_cli.commands.help import add_help
from kmn_cli.commands.init_mask import init_mask
from kmn_cli.commands.segment import segment
from kmn_cli.commands.train import train

app = typer.Typer(
    name="kmn",
    help="Segment objects in a video from a mask of one frame.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kmn {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    pass


# In the order in which --help lists them.
for _command in (segment, edit, init_mask, export_masks, train, evaluate, doctor):
    app.command(**add_help(_command))(_command)
