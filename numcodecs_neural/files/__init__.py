"""Files of slides and stores, whatever their kind."""
