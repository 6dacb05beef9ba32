"""Everything that a lock names in one folder, which is a source by itself and behind any static file server."""
