"""Rooms: who is in them, what is said in them, and what can still be replayed."""
