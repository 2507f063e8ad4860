"""Thousands of examples in flat arrays that open in milliseconds, and the three files that they are kept in.

A store is read as it was written: nothing here draws, shuffles or changes an example.
"""
