"""A built model and examples in, attempts out: by one protocol, under several views, by vote.

Targets are seen by the protocol that is teacher-forced alone, and by whoever scores.
"""
