"""The watcher: says that alerting is down, by ways of its own."""
