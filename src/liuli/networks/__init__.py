"""Wiring: graphs of layers, how they are drawn, summarized, edited and stored."""

from liuli.networks.graph import Graph, Node
from liuli.networks.sequential import Sequential
from liuli.networks.summary import Summary, summarize

__all__ = ["Graph", "Node", "Sequential", "Summary", "summarize"]
