"""The two apps; what they do is in `hansa.runtime.over_flower`."""
