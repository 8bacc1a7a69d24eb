"""The digital twin of a site: its circuits, stations and cars in simulated time, the real server and allocator between them."""
