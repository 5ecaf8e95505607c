"""Graphs that are optimised once and kept."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from vita_tui import paths
from vita_tui.engines import onnx


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """One that adds 1 to a number."""
    number = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    sum_ = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    body = helper.make_graph([helper.make_node("Add", ["x", "one"], ["y"])], "plus", [number], [sum_], [one])
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file = tmp_path / "plus.onnx"
    file.write_bytes(model.SerializeToString())
    return file


@pytest.fixture
def optimised(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was optimised, in order."""
    done: list[Path] = []
    optimise = onnx._optimise

    def noted(graph: Path, to: Path) -> None:
        done.append(graph)
        optimise(graph, to)

    monkeypatch.setattr(onnx, "_optimise", noted)
    return done


def added(graph: Path) -> float:
    [y] = onnx.open_prepared(graph, 1).run(None, {"x": np.array([2.0], np.float32)})
    return float(y[0])


def kept() -> list[Path]:
    return sorted(paths.cache_dir().iterdir())


def test_it_is_optimised_once(graph: Path, optimised: list[Path]) -> None:
    assert [added(graph), added(graph)] == [3.0, 3.0]
    assert optimised == [graph]
    assert len(kept()) == 1


def test_one_that_has_changed_takes_the_place_of_the_old_one(graph: Path, optimised: list[Path]) -> None:
    added(graph)
    before = kept()
    os.utime(graph, (1, 1))
    added(graph)
    assert optimised == [graph, graph]
    assert len(kept()) == 1
    assert kept() != before


def test_a_kept_one_that_is_damaged_is_made_anew(graph: Path, optimised: list[Path]) -> None:
    added(graph)
    [file] = kept()
    file.write_bytes(b"damaged")
    assert [added(graph), added(graph)] == [3.0, 3.0]
    assert optimised == [graph, graph]


def test_without_a_place_for_it_it_works_all_the_same(
    graph: Path, optimised: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setattr(paths, "cache_dir", lambda: blocked / "cache")
    assert added(graph) == 3.0
    assert optimised == []


def test_one_that_is_no_graph_is_refused_and_nothing_is_kept(tmp_path: Path, optimised: list[Path]) -> None:
    file = tmp_path / "none.onnx"
    file.write_bytes(b"none")
    with pytest.raises(Exception, match="none"):
        onnx.open_prepared(file, 1)
    assert kept() == []
