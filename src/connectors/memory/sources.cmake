# The memory connector is all headers.
