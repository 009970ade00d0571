"""Architecture search: spaces of networks, and objectives for KerasTuner."""
