"""Conformance suites and property strategies for plug-in authors."""
