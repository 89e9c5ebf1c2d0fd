"""Every command's help shows its examples as they were written."""

from collections.abc import Iterator

import click

from vitalwire import cli


def commands(group: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    """Give each command's path and help."""
    yield context.command_path, group.get_help(context)
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            inner = group.get_command(context, name)
            assert inner is not None, name
            yield from commands(inner, click.Context(inner, context, name))


def test_no_help_shows_a_mark_that_only_click_should_see() -> None:
    helps = dict(commands(cli, click.Context(cli, info_name="vitalwire")))
    assert len(helps) > 40
    assert [path for path, text in helps.items() if "\\b" in text or "\b" in text] == []


def test_every_command_about_rules_shows_how_it_is_typed() -> None:
    helps = dict(commands(cli, click.Context(cli, info_name="vitalwire")))
    mine = {path: text for path, text in helps.items() if path.startswith("vitalwire rules ")}
    assert len(mine) > 6
    assert [path for path, text in mine.items() if text.count(path) < 2] == []
