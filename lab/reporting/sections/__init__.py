"""The sections of the report, free of any format; a module for each."""
