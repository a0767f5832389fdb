"""Run as a script by ``remote``, never imported."""
