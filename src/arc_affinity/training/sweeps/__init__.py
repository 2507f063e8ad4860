"""The sweep: trainings by a recipe under many settings, and how much each setting matters."""
