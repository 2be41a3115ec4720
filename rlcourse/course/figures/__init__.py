"""Drawing that lessons share: each helper once."""
