"""The protocols there are, by the names users type. Imports nothing, so that --help is quick."""

from __future__ import annotations

from enum import StrEnum


class Protocol(StrEnum):
    """By whose rules to score."""

    DAVIS2016 = "davis2016"
    DAVIS2017 = "davis2017"
    YOUTUBE_VOS = "youtube-vos"
    FOLDER = "folder"

    @property
    def scored_frames(self) -> str:
        """Which frames count, for people who miss some."""
        if self is Protocol.YOUTUBE_VOS:
            return "Each object is scored after the frame it is given in, where it is annotated."
        ends = "The first frame of a sequence, which is given, and the last are not scored"
        if self is Protocol.FOLDER:
            return f"{ends}, nor is an object in the frame that first shows it, and thus gives it."
        return f"{ends}."
