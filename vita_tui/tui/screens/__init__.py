"""Whole screens; all but the main one are imported when they are first opened."""
