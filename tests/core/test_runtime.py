"""What is asked of the runtime."""

import os

import jax

import liuli  # noqa: F401 - switches it on
from liuli.core import runtime


def test_memory_is_given_back_after_long_compilations_only(monkeypatch):
    asked = []
    monkeypatch.setattr(runtime, "_trim", lambda: asked.append)
    monkeypatch.setattr(runtime, "_LONG", float("inf"))
    jax.jit(lambda x: x + 0.125)(1.0)
    assert not asked
    monkeypatch.setattr(runtime, "_LONG", 0.0)
    jax.jit(lambda x: x + 0.25)(1.0)
    assert asked and set(asked) == {0}


def test_the_user_chooses_in_which_thread_programs_run(monkeypatch):
    before = jax.config.read("jax_cpu_enable_async_dispatch")
    monkeypatch.setattr(jax.monitoring, "register_event_duration_secs_listener", lambda listener: None)
    try:
        for chosen in (True, False):
            jax.config.update("jax_cpu_enable_async_dispatch", True)
            monkeypatch.setattr(os, "environ", {"JAX_CPU_ENABLE_ASYNC_DISPATCH": "1"} if chosen else {})
            runtime.switch_on()
            assert jax.config.read("jax_cpu_enable_async_dispatch") == chosen
    finally:
        jax.config.update("jax_cpu_enable_async_dispatch", before)
