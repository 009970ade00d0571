"""Training that already feels the eight bits: fold, quantise, `fit`, convert."""
