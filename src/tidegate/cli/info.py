"""``tidegate info``: print versions and what the machine offers."""

import click


@click.command("info")
def command() -> None:
    """Show versions, processor, instruction set and threads."""
    from tidegate import engine, machine

    described = machine.describe()
    lines = {
        "tidegate": described["tidegate"],
        "Python": described["python"],
        "PyTorch": described["torch"] or "not installed (pip install 'tidegate[train]')",
        "NumPy": described["numpy"],
        "platform": described["platform"],
        "processor": described["cpu"],
        "instruction sets": f"{', '.join(engine.supported_isas())} (in use: {described['isa']})",
        "threads": f"{described['num_cpus']} (processors this process may use)",
        "engine's threads": str(engine.num_threads()),
    }
    for name, value in lines.items():
        click.echo(f"{name:<18}{value}")
