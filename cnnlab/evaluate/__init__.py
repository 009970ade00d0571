"""What a network achieves and what it costs: numbers out."""
