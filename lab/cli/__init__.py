"""The command line, a file per verb; the only package that prints or exits."""
