"""The pieces that the encoder-decoder is composed of: positions, colours, attention blocks, context encoder, bridge.

A part knows tensors alone; which part stands where is said in the model's configuration.
"""
