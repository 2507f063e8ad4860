"""Training one model from scratch on generated examples, with Lightning, in a folder that resumes."""
