"""Opens the two files of a Piper voice, or says exactly why they cannot be opened and what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from vita_tui.engines.tts.base import Pcm
from vita_tui.engines.tts.piper_network import Network, open_network
from vita_tui.errors import EngineUnavailableError, ModelError, VitaError

if TYPE_CHECKING:
    from piper import PiperVoice
    from piper.config import PiperConfig

__all__ = ["Voice", "damaged", "explain", "first_line", "open_voice"]

CONFIGURATION = {
    "audio": dict,
    "espeak": dict,
    "phoneme_id_map": dict,
    "num_symbols": int,
    "num_speakers": int,
}
"""What a voice's configuration must hold, and of which type."""
NOT_A_VOICE = {
    b"vers": "a Git LFS pointer, not the file itself",
    b"<htm": "a web page",
    b"<!DO": "a web page",
    b"GGUF": "a GGUF file",
    b"PK\x03\x04": "a PyTorch checkpoint or an archive",
}


class Voice:
    """What Piper reads, as sound."""

    def __init__(self, config: PiperConfig, network: Network) -> None:
        from piper import PiperVoice

        # It turns text into phonemes; the network is run here, piece by piece, and can be ended.
        self._reader: PiperVoice = PiperVoice(session=cast("Any", None), config=config)
        self._config = config
        self._network = network
        self.sample_rate = config.sample_rate

    def speak(self, text: str, rate: float, options: Any) -> Iterator[Pcm]:
        """The sound of `text` as the network gives it, in pieces, the first one short.

        Args:
            rate: 1 is the voice's own speed, 2 twice as fast.
            options: ONNX Runtime's run options, by which a computation can be ended.
        """
        config = self._config
        scales = [config.noise_scale, config.length_scale / rate, config.noise_w_scale]
        for phonemes in self._reader.phonemize(text):
            if not phonemes:
                continue
            ids = self._reader.phonemes_to_ids(phonemes)
            inputs = {
                "input": np.array([ids], np.int64),
                "input_lengths": np.array([len(ids)], np.int64),
                "scales": np.array(scales, np.float32),
            }
            if config.num_speakers > 1:
                inputs["sid"] = np.array([config.default_speaker_id], np.int64)
            yield from self._network.run(inputs, options)


def open_voice(path: Path, threads: int) -> Voice:
    """Load the voice at `path`, with its configuration beside it, for `threads` threads.

    Raises:
        EngineUnavailableError: piper-tts is not installed.
        ModelError: a file is missing or is not what it should be; other errors mean what `explain` makes of them.
    """
    config = _read_config(path)
    _check(path)
    try:
        from piper.config import PiperConfig
    except ImportError as error:
        raise EngineUnavailableError(
            "Piper is not installed.", remedy="Run: pip install 'vita-tui[piper]'"
        ) from error

    return Voice(PiperConfig.from_dict(config), open_network(path, threads))


def _check(path: Path) -> None:
    """Look whether `path` can be a voice at all."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except FileNotFoundError:
        raise _missing(path) from None
    except IsADirectoryError:
        raise ModelError(
            f"{path} is a folder, not a Piper voice.", remedy="Set tts.voice to its .onnx file."
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    if not start:
        raise damaged(path, "it is empty")
    if start in NOT_A_VOICE:
        raise ModelError(f"{path} is {NOT_A_VOICE[start]}.", remedy="Set tts.voice to a Piper voice (.onnx).")


def _read_config(path: Path) -> dict[str, Any]:
    file = path.with_name(f"{path.name}.json")
    try:
        config = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise _missing(path if not path.exists() else file) from None
    except OSError as error:
        raise _unreadable(file, error) from error
    except ValueError as error:
        raise damaged(file, f"it is not JSON ({error})") from error
    if not isinstance(config, dict):
        raise damaged(file, "it holds no table")
    for key, kind in CONFIGURATION.items():
        if not isinstance(config.get(key), kind) or not config[key]:
            raise damaged(file, f"{key} is {'wrong' if key in config else 'missing'}")
    return config


def explain(error: BaseException, path: Path) -> BaseException:
    """What an error while loading means for the user."""
    if isinstance(error, VitaError) or not isinstance(error, Exception):
        return error
    if isinstance(error, MemoryError):
        return ModelError(
            "The Piper voice does not fit into memory.",
            remedy="Close other programs, or choose a smaller voice.",
        )
    text = first_line(error)
    if isinstance(error, KeyError | AttributeError | TypeError):
        return damaged(path.with_name(f"{path.name}.json"), f"{type(error).__name__}: {text}")
    return damaged(path, text)


_CODES = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .* failed:)?\s*")


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    # ONNX Runtime begins with codes, and the path once more.
    return _CODES.sub("", lines[0] if lines else type(error).__name__).rstrip(".")


def _missing(path: Path) -> ModelError:
    return ModelError(f"The Piper voice is not there: {path} does not exist.", remedy=_pull(path))


def _unreadable(path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"{path} cannot be read: {error.strerror or error}.", remedy="Give yourself permission to read it."
    )


def damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"The Piper voice is damaged: {path}: {why}.", remedy=_pull(path))


def _pull(path: Path) -> str:
    return f"Run: vita models pull {path.name.removesuffix('.json').removesuffix('.onnx')}"
