"""The embedded model's child process: llama.cpp's own OpenAI-compatible server, by way of xllamacpp.

Run as `python -m vita_tui.engines.llm.server`. The parent writes one line of JSON to standard input (the API key must not be
in the arguments, which every user of the machine can see) and reads one line of JSON from standard output when the server
listens. After that, standard input only stands for the parent's life: at its end, which also comes when the parent is killed,
the process ends at once. Everything that llama.cpp says goes to standard error, which is the log file.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

__all__: list[str] = []


def _end_with_parent() -> None:
    """Wait, in its own thread, for the end of standard input."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def _serve(config: dict[str, Any]) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()  # type: ignore[attr-defined]  # exported with a star
    params.model.path = config["model"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [config["api_key"]]
    params.n_ctx = config["context_window"]
    params.n_parallel = 1
    params.n_gpu_layers = config["gpu_layers"]
    params.cpuparams.n_threads = config["threads"]
    params.cpuparams_batch.n_threads = config["threads"]
    # Prompts are short: small batches need less memory, and the host cache of old prompts would grow to gigabytes.
    params.n_batch = params.n_ubatch = 256
    params.cache_ram_mib = 0
    params.n_threads_http = 2
    params.ui = False
    params.endpoint_slots = False
    params.use_jinja = True  # the model's own template, which may know tools
    params.slot_save_path = os.path.join(config["folder"], "")  # noqa: PTH118  # it must end in a slash
    params.fit_params = False
    params.warmup = False  # the parent's first prefill does it, with the real prompt
    # Flash attention is slow on processors: with it every token takes the longer, the more there is before it. A Mac has Metal.
    if sys.platform != "darwin":
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED  # type: ignore[attr-defined]  # as above
    if config["short_keys"]:
        params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_Q8_0  # type: ignore[attr-defined]  # as above
    server = xllamacpp.Server(params)  # type: ignore[attr-defined]  # as above
    _say({"address": server.listening_address})
    threading.Event().wait()


def _say(message: dict[str, Any]) -> None:
    os.write(_OUT, (json.dumps(message) + "\n").encode())


_OUT = 1


def main() -> None:
    """Serve until standard input ends."""
    global _OUT
    # llama.cpp must not write into the one line that the parent reads.
    _OUT = os.dup(1)
    os.dup2(2, 1)
    config = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, name="parent watch", daemon=True).start()
    try:
        _serve(config)
    except ImportError as error:
        _say({"missing": str(error)})
        sys.exit(3)
    except (RuntimeError, ValueError, MemoryError) as error:
        _say({"error": str(error) or type(error).__name__})
        sys.exit(3)


if __name__ == "__main__":
    main()
