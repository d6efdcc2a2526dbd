"""The German-English grammar: its words, how a situation is said, and its rules."""

from minis2s.text.grammar.de_en.rules import GRAMMAR

__all__ = ["GRAMMAR"]
