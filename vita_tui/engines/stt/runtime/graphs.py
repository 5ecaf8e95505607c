"""Whisper as two ONNX models, made from the weights in a `model.bin` of CTranslate2.

`sound` is the encoder, with the keys and values to which every layer of the decoder attends; it runs once for each window. `text`, the
decoder, reads any number of tokens behind those that it has read, and scores what may follow chosen ones of them.

The weights have 8 bits: in `text`, where one token at a time is read and memory is what takes time, in blocks of 64 with a scale each;
in `sound`, where hundreds of rows are multiplied, by column and with one bit less, because AVX2 adds pairs of products in 16 bits. What
attention and GELU gave is multiplied with 32 bits: a few of its values are so large that the others would vanish beside them (with 8 bits
the result is off by 19 % of its length, so by 11 %; by CTranslate2's int8, 12 %).
The architecture is that of Radford et al. 2022, with layer norm before each part, as in CTranslate2's `WhisperSpec`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["VERSION", "UnsupportedError", "layers", "sound_graph", "text_graph"]

VERSION = 5
"""Of the graphs: models that were made by another are rebuilt."""
BLOCK = 64
"""Weights that share a scale."""
COLUMN_LIMIT = 63
EPSILON = 1e-5
"""Of the layer norms; OpenAI's."""
OPSET = 21
IR_VERSION = 10
CONTRIB = "com.microsoft"

Variables = Mapping[str, NDArray[Any]]


class UnsupportedError(ValueError):
    """These weights are of a kind that the graphs are not made for."""


def layers(variables: Variables) -> int:
    """How many layers the decoder has.

    Raises:
        UnsupportedError: none, or weights that are quantised already.
    """
    count = _count(variables, "decoder")
    if not count or variables["decoder/embeddings/weight"].shape[1] % BLOCK:
        raise UnsupportedError("no decoder that is known")
    return count


def _count(variables: Variables, part: str) -> int:
    count = 0
    while (weight := variables.get(f"{part}/layer_{count}/ffn/linear_0/weight")) is not None:
        if weight.dtype not in (np.float16, np.float32):
            raise UnsupportedError(f"weights of type {weight.dtype}")
        count += 1
    return count


def _convolution(graph: _Graph, x: str, place: str, stride: int) -> str:
    weight, bias = (graph.constant(graph.wide(f"{place}/{name}")) for name in ("weight", "bias"))
    convolved = graph.add("Conv", x, weight, bias, kernel_shape=[3], pads=[1, 1], strides=[stride])
    return graph.add("Gelu", convolved)


def sound_graph(variables: Variables) -> bytes:
    """`features` (1, mels, frames) → `memory` (1, frames / 2, width), and of it `key0`, `value0`, `key1`, … (1, heads, frames / 2, width of a
    head).
    """
    graph = _Graph(variables)
    x = _convolution(graph, "features", "encoder/conv1", 1)
    x = graph.add("Transpose", _convolution(graph, x, "encoder/conv2", 2), perm=[0, 2, 1])
    zero, length = graph.constant([0]), graph.add("Shape", x, start=1, end=2)
    positions = graph.constant(graph.wide("encoder/position_encodings/encodings"))
    x = graph.add("Add", x, graph.add("Slice", positions, zero, length, zero))
    for layer in range(_count(variables, "encoder")):
        place = f"encoder/layer_{layer}"
        attention = f"{place}/self_attention"
        read = graph.by_column(graph.norm(x, f"{attention}/layer_norm"), f"{attention}/linear_0")
        names = [f"{what}_of_sound{layer}" for what in ("query", "key", "value")]
        graph.add("Split", read, out=names, axis=-1, num_outputs=3)
        attended = graph.add("MultiHeadAttention", *names, domain=CONTRIB, num_heads=graph.heads)
        x = graph.add("Add", x, graph.exact(attended, f"{attention}/linear_1"))
        hidden = graph.by_column(graph.norm(x, f"{place}/ffn/layer_norm"), f"{place}/ffn/linear_0")
        x = graph.add("Add", x, graph.exact(graph.add("Gelu", hidden), f"{place}/ffn/linear_1"))
    graph.norm(x, "encoder/layer_norm", out="memory")
    for layer in range(graph.layers):
        both = graph.by_column("memory", f"decoder/layer_{layer}/attention/linear_1")
        both = graph.add("Reshape", both, graph.constant([1, -1, 2 * graph.heads, graph.head]))
        both = graph.add("Transpose", both, perm=[0, 2, 1, 3])
        graph.add("Split", both, out=[f"key{layer}", f"value{layer}"], axis=1, num_outputs=2)
        graph.outputs += [graph.heads_of(f"key{layer}", "half"), graph.heads_of(f"value{layer}", "half")]
    mels = variables["encoder/conv1/weight"].shape[1]
    graph.inputs = [graph.floats("features", [1, mels, "frames"])]
    graph.outputs.append(graph.floats("memory", [1, "half", graph.width]))
    return graph.serialized()


def text_graph(variables: Variables) -> bytes:
    """`tokens` (1, new, width), embedded, with their positions; `key0`, … as from `sound`; `past_key0`, `past_value0`, … (1, heads, read,
    width of a head); `rows` (rows): which of the new tokens → `scores` (rows, vocabulary): logits of what follows them; `now_key0`, …: the past for
    what is read next; `asked0`, … (1, new, width): what each layer looks for in the sound.
    """
    graph = _Graph(variables)
    graph.inputs = [graph.floats("tokens", [1, "new", graph.width]), graph.integers("rows", ["rows"])]
    graph.outputs = [graph.floats("scores", ["rows", "vocabulary"])]
    x = "tokens"
    for layer in range(graph.layers):
        place = f"decoder/layer_{layer}"
        x = _self_attention(graph, x, f"{place}/self_attention", layer)
        x = _cross_attention(graph, x, f"{place}/attention", layer)
        hidden = graph.linear(graph.norm(x, f"{place}/ffn/layer_norm"), f"{place}/ffn/linear_0")
        x = graph.add("Add", x, graph.linear(graph.add("Gelu", hidden), f"{place}/ffn/linear_1"))
    chosen = graph.add("Squeeze", graph.add("Gather", x, "rows", axis=1), graph.constant([0]))
    graph.linear(graph.norm(chosen, "decoder/layer_norm"), "decoder/projection", bias=False, out="scores")
    return graph.serialized()


def _self_attention(graph: _Graph, x: str, place: str, layer: int) -> str:
    read = graph.linear(graph.norm(x, f"{place}/layer_norm"), f"{place}/linear_0")
    names = [f"{what}{layer}" for what in ("query", "new_key", "new_value")]
    graph.add("Split", read, out=names, axis=-1, num_outputs=3)
    past = [f"past_key{layer}", f"past_value{layer}"]
    now = [f"now_key{layer}", f"now_value{layer}"]
    attended = graph.add(
        "MultiHeadAttention", *names, "", "", "", *past,
        out=[f"attended{layer}", *now], domain=CONTRIB, num_heads=graph.heads, unidirectional=1,
    )  # fmt: skip
    graph.inputs += [graph.heads_of(name, "read") for name in past]
    graph.outputs += [graph.heads_of(name, "all") for name in now]
    return graph.add("Add", x, graph.linear(attended, f"{place}/linear_1"))


def _cross_attention(graph: _Graph, x: str, place: str, layer: int) -> str:
    memory = [f"key{layer}", f"value{layer}"]
    query = graph.linear(graph.norm(x, f"{place}/layer_norm"), f"{place}/linear_0", out=f"asked{layer}")
    graph.outputs.append(graph.floats(query, [1, "new", graph.width]))
    attended = graph.add("MultiHeadAttention", query, *memory, domain=CONTRIB, num_heads=graph.heads)
    graph.inputs += [graph.heads_of(name, "frames") for name in memory]
    return graph.add("Add", x, graph.linear(attended, f"{place}/linear_2"))


class _Graph:
    """An ONNX graph that grows: every method adds nodes and returns the name of what they give."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.layers = layers(variables)
        self.heads = int(variables["decoder/num_heads"])
        self.width: int = variables["decoder/embeddings/weight"].shape[1]
        self.head = self.width // self.heads

    def add(
        self, operator: str, *inputs: str, out: Sequence[str] = (), domain: str = "", **attributes: Any
    ) -> str:
        from onnx import helper

        names = list(out) or [f"{operator}{len(self._nodes)}"]
        self._nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names[0]

    def constant(self, values: Any) -> str:
        from onnx import numpy_helper

        name = f"constant{len(self._constants)}"
        array = np.ascontiguousarray(values)
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def norm(self, x: str, place: str, *, out: str = "") -> str:
        gamma, beta = (self.constant(self.wide(f"{place}/{name}")) for name in ("gamma", "beta"))
        names = [out] if out else []
        return self.add("LayerNormalization", x, gamma, beta, out=names, axis=-1, epsilon=EPSILON)

    def linear(self, x: str, place: str, *, bias: bool = True, out: str = "") -> str:
        """A product with 8-bit weights in blocks."""
        weight = self.wide(f"{place}/weight")
        rows, columns = weight.shape
        blocks = weight.reshape(rows, columns // BLOCK, BLOCK)
        scale = np.abs(blocks).max(axis=-1) / 127
        scale[scale == 0] = 1
        bytes_ = (np.rint(blocks / scale[..., None]) + 128).astype(np.uint8)
        inputs = [x, self.constant(bytes_), self.constant(scale)]
        if bias:
            inputs += ["", "", self.constant(self.wide(f"{place}/bias"))]
        return self.add(
            "MatMulNBits", *inputs,
            out=[out] if out else (), domain=CONTRIB, K=columns, N=rows, bits=8, block_size=BLOCK, accuracy_level=4,
        )  # fmt: skip

    def by_column(self, x: str, place: str) -> str:
        """A product with weights that have one scale a column; the other side gets its scale when it is there."""
        weight = self.wide(f"{place}/weight").T
        scale = np.abs(weight).max(axis=0) / COLUMN_LIMIT
        scale[scale == 0] = 1
        return self.add(
            "DynamicQuantizeMatMul", x,
            self.constant(np.rint(weight / scale).astype(np.int8)), self.constant(scale),
            self.constant(np.zeros(len(scale), np.int8)), self.constant(self.wide(f"{place}/bias")),
            domain=CONTRIB,
        )  # fmt: skip

    def exact(self, x: str, place: str) -> str:
        """A product with weights of 32 bits."""
        product = self.add("MatMul", x, self.constant(self.wide(f"{place}/weight").T))
        return self.add("Add", product, self.constant(self.wide(f"{place}/bias")))

    def heads_of(self, name: str, length: str) -> Any:
        return self.floats(name, [1, self.heads, length, self.head])

    @staticmethod
    def floats(name: str, shape: Sequence[int | str]) -> Any:
        from onnx import TensorProto, helper

        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    @staticmethod
    def integers(name: str, shape: Sequence[int | str]) -> Any:
        from onnx import TensorProto, helper

        return helper.make_tensor_value_info(name, TensorProto.INT64, shape)

    def serialized(self) -> bytes:
        from onnx import helper

        graph = helper.make_graph(self._nodes, "whisper", self.inputs, self.outputs, self._constants)
        operators = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=operators, ir_version=IR_VERSION)
        return bytes(model.SerializeToString())

    def wide(self, name: str) -> NDArray[np.float32]:
        return self._variables[name].astype(np.float32)
