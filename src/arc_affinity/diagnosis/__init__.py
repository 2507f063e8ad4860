"""Diagnosis: what a model cannot do and why, from records alone and without torch."""
