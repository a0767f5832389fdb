"""The command ``tidegate``: finds the verb, and turns errors into messages and exit codes.

A verb's module is imported when the verb is called, and imports heavy packages only when it runs:
help and error messages appear at once.
"""

import difflib
import sys
from importlib import import_module

import click

import tidegate
from tidegate.cli import limits, output, signals
from tidegate.errors import TidegateError

VERBS = {
    "bench": "Time tidegate against PyTorch on this machine.",
    "compare": "Train RNN, LSTM and GRU on one data set and write a report.",
    "data": "Download data sets, and write them to files.",
    "evaluate": "Measure a trained model on a data set's test part.",
    "forecast": "Train a network on series, back-test it, and forecast their next steps.",
    "info": "Show versions, processor, instruction set and threads.",
    "inspect": "Say what a trained model is.",
    "predict": "Answer texts, series or recordings by a trained model.",
    "pretrain": "Train a language model on texts without labels, to start from.",
    "recipe": "List the recipes, and write one to begin your own from.",
    "train": "Train one network on a data set, and test it.",
}

EXAMPLES = """\b
Examples:
  tidegate compare imdb                  the whole comparison, with a report
  tidegate compare imdb --limit 2000     a quick look
  tidegate compare --help                all its options
"""


class _Verbs(click.Group):
    """A command group that imports a verb's module on demand; short help is from :data:`VERBS`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"tidegate.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            near = difflib.get_close_matches(name, VERBS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"expected a verb of {', '.join(VERBS)}, got {name!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([*VERBS.items()])


@click.group(
    cls=_Verbs,
    epilog=EXAMPLES,
    subcommand_metavar="VERB ...",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(tidegate.__version__, prog_name="tidegate")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Gated recurrent networks on ordinary CPUs."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command, and exit the process with its exit code.

    0 for success, 1 for a failure, 2 for wrong usage; after a signal, as shells do, 130 for Ctrl-C,
    143 for SIGTERM and 129 for SIGHUP.

    Args:
        arguments: The command line without the program's name; by default the process' own.
    """
    with output.ignore_lost_output(), signals.as_ctrl_c():
        code = _run(sys.argv[1:] if arguments is None else arguments)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments[:1]
    try:
        return cli.main(arguments, prog_name="tidegate", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except KeyboardInterrupt as error:
        return signals.exit_code(error)
    except click.Abort as error:  # click turns Ctrl-C into this
        return signals.exit_code(error.__cause__)
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # panics of Rust code, as in safetensors, are no Exception
        if debug:
            raise
        click.echo(f"Error: {_explain(error)}", err=True)
        return 1


def _explain(error: BaseException) -> str:
    if isinstance(error, TidegateError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        return (
            f"this verb needs the package {error.name.partition('.')[0]}, which is not installed: "
            "pip install 'tidegate[train]'"
        )
    explained = limits.explain(error)
    if explained is not None:
        return explained
    return (
        f"{type(error).__name__}: {error}. This is a defect of tidegate: please report it with "
        "what 'tidegate --debug VERB ...' prints"
    )


if __name__ == "__main__":
    main()
