"""One folder per lesson: all that belongs to it, beside its notebook."""
