"""Assignments from one source, graded outside the student's process, returned."""
