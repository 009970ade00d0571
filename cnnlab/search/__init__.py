"""Architecture search with KerasTuner: a hypermodel, a budget, a table of networks."""
