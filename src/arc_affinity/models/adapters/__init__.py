"""Low-rank adapters: laid over a model's layers, kept in files in PEFT's format, merged into one model.

Training them is not done here, and a model without adapters must not depend on this room.
"""
