"""One file per resource; a view parses, calls and renders."""
