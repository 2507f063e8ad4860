"""Fine-tuning many tasks into one folder: shares of work, wherever an executor puts them; finished work is kept."""
