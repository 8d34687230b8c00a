"""The protocols there are, by the names users type. Imports nothing, so that --help is quick."""

from __future__ import annotations

from enum import StrEnum


class Protocol(StrEnum):
    """By whose rules to score."""

    DAVIS2016 = "davis2016"
    DAVIS2017 = "davis2017"
    YOUTUBE_VOS = "youtube-vos"
    FOLDER = "folder"
