"""The command line, a file per verb; the only room that prints or exits."""
