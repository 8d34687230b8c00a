"""The local page: of `kmn init-mask --web`, and of `kmn edit`."""
