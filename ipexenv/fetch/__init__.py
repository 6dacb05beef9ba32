"""Get exactly the files that were chosen: in parallel, resumed, checked, from a shared cache, into a staging folder."""
