"""`shipper schema`: a JSON Schema of `shipper.toml`, for editors."""

from __future__ import annotations

import click

from shipper.cli.terminal import print_json


@click.command()
def schema() -> None:
    """Print a JSON Schema of shipper.toml.

    Editors complete keys and mark mistakes with it (Even Better TOML, taplo): write it to shipper.schema.json, and
    `#:schema ./shipper.schema.json` into the first line of shipper.toml.
    """
    from shipper.config.json_schema import json_schema

    print_json(json_schema())
