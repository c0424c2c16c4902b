"""``numcodecs-neural view``: a page in the browser that shows slides and stores, tile by tile."""
