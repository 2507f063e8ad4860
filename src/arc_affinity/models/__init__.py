"""From batches to logits, and from logits to grids."""
