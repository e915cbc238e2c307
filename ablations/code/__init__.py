"""The user's own modules, and the code that a component reaches in them and in this project, as digests."""
