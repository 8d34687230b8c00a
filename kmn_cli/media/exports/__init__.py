"""Masks for other programs: one small file for each family of formats."""
