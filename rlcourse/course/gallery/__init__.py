"""The gallery: real tasks, what the default settings do to them, and what had to change."""
