"""From one slide to one store: plan, regions, checkpoint, metadata, summary."""
