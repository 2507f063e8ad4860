"""Optimisers and learning-rate schedules by name, Muon among them.

Parameters in, steps out: nothing here knows a model or a loss.
"""
