"""``tidegate info``."""

import click


@click.command("info")
def command() -> None:
    """Show versions, processor, instruction set and threads."""
    from tidegate import engine, machine

    found = machine.describe()
    lines = {
        "tidegate": found["tidegate"],
        "Python": found["python"],
        "PyTorch": found["torch"] or "not installed (pip install 'tidegate[train]')",
        "NumPy": found["numpy"],
        "platform": found["platform"],
        "processor": found["cpu"],
        "instruction sets": f"{', '.join(engine.supported_isas())} (in use: {found['isa']})",
        "threads": f"{found['num_cpus']} (processors this process may use)",
        "engine's threads": str(engine.num_threads()),
    }
    for name, value in lines.items():
        click.echo(f"{name:<18}{value}")
