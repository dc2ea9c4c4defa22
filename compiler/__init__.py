"""From a network to an image: `compile.compile_network` is the whole way."""
