"""What an instructor or a learner has to put right."""


class CourseError(Exception):
    """The text says what to do."""
