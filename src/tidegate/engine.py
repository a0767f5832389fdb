"""The door to the compiled engine; nothing else imports ``tidegate._engine``."""

from tidegate._engine import cpu_name, supported_isas

__all__ = ["cpu_name", "supported_isas"]
