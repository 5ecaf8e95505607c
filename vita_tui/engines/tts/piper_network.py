"""A Piper voice's network, run in two parts, so that speech can be heard while the rest of its sentence is computed.

The first part turns phonemes into frames, of which the second one, the decoder, makes sound with convolutions: two thirds of the
time and nearly all of the memory (17 MB for a second of speech). A frame's sound depends on few others, so the decoder is given
some frames at a time with their neighbours, and gives the same sound as for all of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vita_tui.engines.onnx import open_prepared
from vita_tui.engines.tts.base import Pcm

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["Network", "open_network"]

log = logging.getLogger(__name__)

FRAMES = (32, 64, 128)
"""In the first piece of a sentence, the second and all others; 86 are a second of a medium voice."""
NEIGHBOURS = 14
"""Frames on either side on which the sound of one depends: with ten a medium voice gives the same samples, and a high one has
longer kernels."""
DECODER = "dec.conv_pre.weight"
"""Of the convolution with which the decoder begins."""


class Network:
    """A voice's network. Used by one thread at a time."""

    def __init__(self, whole: Any, decoder: Any = None) -> None:
        """Args:
        whole: a session that gives sound or, with a `decoder`, frames.
        """
        self._whole = whole
        self._decoder = decoder

    def run(self, inputs: Mapping[str, Any], options: Any) -> Iterator[Pcm]:
        """The sound of a sentence, in pieces.

        Args:
            inputs: by the names that all Piper voices give them: input, input_lengths, scales and, with several speakers, sid.
            options: ONNX Runtime's, for each run.
        """
        [made, *_] = self._whole.run(None, dict(inputs), options)
        if self._decoder is None:
            yield _sound(made)
            return
        count = made.shape[2]
        names = [one.name for one in self._decoder.get_inputs()]
        start = 0
        for size in chain(FRAMES, repeat(FRAMES[-1])):
            if start >= count:
                return
            stop = min(start + size, count)
            begin, end = max(0, start - NEIGHBOURS), min(count, stop + NEIGHBOURS)
            given = {name: inputs.get(name, made[:, :, begin:end]) for name in names}
            sound = _sound(self._decoder.run(None, given, options)[0])
            per_frame = len(sound) // (end - begin)
            yield sound[(start - begin) * per_frame : (stop - begin) * per_frame]
            start = stop


def open_network(voice: Path, threads: int) -> Network:
    """Load the network in the file `voice`; one that cannot be parted is run as a whole.

    Raises:
        ImportError: onnx or onnxruntime is not installed.
        Exception: of their own, which have no common base: it is no network.
    """
    try:
        decoder = open_prepared(voice, threads, "decoder", _decoder)
        return Network(open_prepared(voice, threads, "frames", _before_decoder), decoder)
    except ImportError:
        raise
    except Exception as error:  # noqa: BLE001 - of onnx and ONNX Runtime; if the file is at fault, it is again below
        log.warning("%s is computed sentence by sentence: %s", voice.name, error)
    return Network(open_prepared(voice, threads))


def _sound(made: Any) -> Pcm:
    return np.ascontiguousarray(made, dtype=np.float32).reshape(-1)


def _decoder(model: ModelProto) -> ModelProto:
    from onnx.utils import Extractor

    speaker = [one.name for one in model.graph.input if one.name == "sid"]
    return Extractor(model).extract_model([_frames(model), *speaker], [model.graph.output[0].name])


def _before_decoder(model: ModelProto) -> ModelProto:
    from onnx.utils import Extractor

    return Extractor(model).extract_model([one.name for one in model.graph.input], [_frames(model)])


def _frames(model: ModelProto) -> str:
    """The name of what the decoder is given.

    Raises:
        LookupError: there is no such thing.
    """
    for node in model.graph.node:
        if DECODER in node.input:
            return str(node.input[0])
    raise LookupError("its decoder is not named as Piper names it")
