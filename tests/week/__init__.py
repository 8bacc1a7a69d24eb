"""A simulated week: 40 stations of both versions on real sockets, links and meters failing at random."""
