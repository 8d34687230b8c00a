"""`python -m kmn_cli` is `kmn`."""

from __future__ import annotations

from kmn_cli.commands.app import app

if __name__ == "__main__":
    app(prog_name="kmn")
