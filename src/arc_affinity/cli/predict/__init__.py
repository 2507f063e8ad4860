"""``arc-affinity predict``: by a model as it stands, or by one that `solve` left."""
