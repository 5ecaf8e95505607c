"""Turn-taking, and how long a pause ends what is said."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vita_tui.settings.section import Live, SettingsSection

__all__ = ["TalkSettings", "WakeWordName"]


WakeWordName = Literal["", "hey_jarvis", "okay_nabu", "alexa", "hey_mycroft", "hey_rhasspy"]


class TalkSettings(SettingsSection):
    """Turn-taking: when VITA listens, and when your turn is over."""

    hands_free: Live[bool] = False
    """Listen without a key from the start; ctrl+t switches it."""
    to_prompt: Live[bool] = False
    """Put what you say into the prompt, where you can edit it before you send it; off: it is sent at once."""
    key: Live[str] = "ctrl+space"
    """What you talk with, as Textual names keys; more than one with commas."""
    key_mode: Live[Literal["auto", "hold", "tap"]] = "auto"
    """hold records while the key is held, where the terminal reports key releases; tap starts, tap or a pause ends."""
    wake_word: Live[WakeWordName] = ""
    """A word that opens the microphone as the key does; needs the extra wake. Empty for none."""
    end_silence: Live[float] = Field(default=0.8, ge=0.2, le=10.0)
    """Seconds of silence that end what you say."""
    adaptive: Live[bool] = True
    """Wait less after what sounds finished, longer after half a sentence."""
    smart_turn: Live[bool] = True
    """Detect the end of a turn by the sound of the voice too, with the model smart-turn where it is installed; otherwise by the words alone."""
    ask_model: Live[bool] = True
    """Detect the end of a turn by the words that the built-in language model expects next, too."""
    think_ahead: Live[bool] = True
    """Draft the answer, unheard, in every short pause that may be the end."""
    patience: Live[float] = Field(default=6.0, ge=1.0, le=60.0)
    """Seconds to wait for the first word before the microphone closes again."""
    threshold: Live[float] = Field(default=0.5, gt=0.0, lt=1.0)
    """Probability from which sound counts as speech."""
    max_seconds: Live[float] = Field(default=120.0, ge=5.0, le=600.0)
    """Longest single utterance."""
