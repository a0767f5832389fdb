"""Recordings: how they are read, and the log-mel frames that a network sees of them."""

from tidegate.data.audio.front_end import FrameStream, FrontEnd
from tidegate.data.audio.recording import Recording, read_recording, recording_of

__all__ = ["FrameStream", "FrontEnd", "Recording", "read_recording", "recording_of"]
