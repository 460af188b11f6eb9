"""The stages of a pipeline, one module per family; `build` makes callables of a configuration's stages."""
