"""Ground: specs, dials, keys, trees, errors, files, precision. Nothing here knows of layers."""
