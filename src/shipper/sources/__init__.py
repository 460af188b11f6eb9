"""Where lines come from: files (`sources.file`)."""
