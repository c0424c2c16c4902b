"""Slides that OpenSlide alone reads here, such as MIRAX, Hamamatsu VMS and Sakura."""
