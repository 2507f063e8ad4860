"""From files and generators to batches."""
