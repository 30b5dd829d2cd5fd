"""Work that is done after the response."""
