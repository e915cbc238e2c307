"""The report: one page, its JSON and its words."""
