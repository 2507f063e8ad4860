"""How commands talk: progress, tables, text that any terminal can show, files checked before work begins."""
