"""The page of `kmn init-mask --web`."""
