"""From a built model and tasks to attempts, records and scores."""
