"""``tidegate recipe list`` and ``show``, and the type of the option --recipe."""

from typing import Any

import click

from tidegate.errors import RecipeError
from tidegate.training import recipe as recipes

EXAMPLES = """\b
Examples:
  tidegate recipe list
      the recipes and what each is for
  tidegate recipe show default > mine.toml
      a complete file to begin your own from: every key with its meaning and its values
  tidegate train imdb --recipe mine.toml
      with your own; a line based_on = "default" may stand for all that you leave as it is
"""


class RecipeName(click.ParamType[str]):
    """The type of an option: the name of a packaged recipe, or the path of the user's own file."""

    name = "recipe"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that a value is one of the two; the file is read when the run begins."""
        try:
            recipes.check_name(value)
        except RecipeError as error:
            self.fail(str(error), param, ctx)
        return str(value)


@click.group("recipe", epilog=EXAMPLES)
def command() -> None:
    """List the recipes, and write one to begin your own from."""


@command.command("list")
def list_() -> None:
    """Print the name of every recipe, and what it is for."""
    width = max(map(len, recipes.NAMES)) + 2
    for name in recipes.NAMES:
        click.echo(f"{name:<{width}}{recipes.packaged(name).summary}")


@command.command("show")
@click.argument("name", type=click.Choice(recipes.NAMES), metavar="NAME")
def show(name: str) -> None:
    """Print the recipe NAME as a complete TOML file, with a comment on every key."""
    click.echo(recipes.show(name), nl=False)
