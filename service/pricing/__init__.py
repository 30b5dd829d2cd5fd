"""Pricing: a remote party, how it is called, and its stand-in."""
