"""Training samples: from folders of pictures to batches of three-frame clips."""
