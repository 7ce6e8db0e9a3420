"""How answers look: text, tables for notebooks, pictures and DataFrames of the catalogue."""
