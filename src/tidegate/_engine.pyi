"""The compiled engine of tidegate."""



def supported_isas() -> list[str]:
    """
    Names of the instruction sets this machine supports, the narrowest first.
    """

def cpu_name() -> str:
    """The processor's own name of itself, empty where it gives none."""
