"""Prometheus: series and selectors in one notation, and the text in which services export them."""
