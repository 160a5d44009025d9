"""Tests of the Python tools themselves."""
