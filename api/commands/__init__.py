"""The commands of `tandem-server`, one module a noun, each loaded when it is called."""
