"""Facts: the published figures, and the catalogue of classes, hosts and prices with the source of each row."""
