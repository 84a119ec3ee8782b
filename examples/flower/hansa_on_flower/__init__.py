"""The two apps; what they do is in `hansa.nodes.over_flower`."""
