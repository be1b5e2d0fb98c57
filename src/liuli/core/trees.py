"""Nested dicts of arrays, and their flat form with paths as keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax

from liuli.core.errors import FileError

Tree = Any
"""A nested dict with arrays at its leaves."""


def flatten(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """``{"a": {"b": x}}`` as ``{"a/b": x}``. Empty dicts vanish."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        here = f"{path}/{name}" if path else str(name)
        flat.update(flatten(value, here) if isinstance(value, Mapping) else {here: value})
    return flat


def unflatten(flat: Mapping[str, Any], like: Tree) -> Tree:
    """The tree of ``like``'s form whose leaves are found in ``flat`` by path.

    Raises:
        FileError: a leaf is missing, superfluous, or of another shape or dtype.
    """
    wanted = paths(like)
    if missing := sorted(wanted.keys() - flat.keys()):
        raise FileError(
            missing[0], got="no such array", expected=f"an array of shape {wanted[missing[0]].shape}", fix=_FIX
        )
    if extra := sorted(flat.keys() - wanted.keys()):
        raise FileError(extra[0], got="an array", expected="nothing of this name in the network", fix=_FIX)
    for path, leaf in wanted.items():
        got = flat[path]
        if (got.shape, got.dtype) != (leaf.shape, leaf.dtype):
            raise FileError(path, got=f"{got.dtype}{got.shape}", expected=f"{leaf.dtype}{leaf.shape}", fix=_FIX)
    return jax.tree.unflatten(jax.tree.structure(like), [flat[path] for path in paths(like)])


def paths(tree: Tree) -> dict[str, Any]:
    """Every leaf of any pytree by a readable path, in the pytree's own order."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


_FIX = "load the weights of the network that they were saved from"
