"""From a built model and tasks to attempts, records, scores and submissions.

It receives a model and never trains one; scores and submissions are made from records, never from a live model.
"""
