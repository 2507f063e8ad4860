"""Categories by rules over the code of a task's generator."""
