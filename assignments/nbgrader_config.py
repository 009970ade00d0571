"""nbgrader's settings for this course, used by `cnnlab release` and `grade` too.

Hidden tests are cleared before nbgrader stores the cells, and marks come from
`MarkOutside`: nothing of nbgrader itself runs a student's code or decides a mark.
"""

from pathlib import Path

from nbgrader import preprocessors

from cnnlab.classroom.autograde import MarkOutside, RestoreCells

c = get_config()  # noqa: F821
root = Path(__file__).parent.resolve()

c.CourseDirectory.root = str(root)
c.CourseDirectory.db_url = f"sqlite:///{root}/gradebook.db?timeout=60"
c.GenerateAssignment.preprocessors = [
    preprocessors.IncludeHeaderFooter,
    preprocessors.LockCells,
    preprocessors.ClearSolutions,
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ClearOutput,
    preprocessors.CheckCellMetadata,
    preprocessors.ComputeChecksums,
    preprocessors.SaveCells,
]
c.Autograde.sanitize_preprocessors = [RestoreCells]
c.Autograde.autograde_preprocessors = [MarkOutside, preprocessors.AssignLatePenalties]
c.FileNameCollectorPlugin.named_regexp = (  # STUDENT_attempt_TIME_NOTEBOOK.ipynb
    r".*[/_](?P<student_id>[A-Za-z0-9.@+-]+)_attempt_(?P<timestamp>[0-9-]+)"
    r"_(?P<file_id>\w+)"
)
