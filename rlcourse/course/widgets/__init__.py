"""Interaction that lessons share: controls, explorers, panels, cards."""
