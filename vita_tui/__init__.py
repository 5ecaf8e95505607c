"""VITA: a voice assistant that lives in a terminal."""

import os

__version__ = "0.1.0"

# Libraries that tell their makers of their use, unless they are told not to before they are imported. ONNX Runtime also leaves a
# device's number in the cache folder and a session's in the temporary one.
for _variable in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_variable, "1")
