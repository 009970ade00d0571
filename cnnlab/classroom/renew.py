"""A released assignment that changes after submissions came: the gradebook follows.

nbgrader refuses to add or remove cells then. Here cells that are gone take their marks
along, new ones get an empty mark in every submission, and all others keep theirs.
"""

from nbgrader.api import Comment, Grade, MissingEntry
from nbgrader.preprocessors import SaveCells


class SaveChangedCells(SaveCells):
    """Saves a notebook's cells, also if there are submissions of an older version."""

    def _create_notebook(self, nb):
        try:
            saved = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        except MissingEntry:
            saved = None
        if saved and saved.submissions:
            self._follow(saved)
        super()._create_notebook(nb)

    def _follow(self, saved):
        """Brings the saved cells, and the marks of each submission, to the new ones."""
        gradebook = self.gradebook
        kinds = (
            (saved.grade_cells, self.new_grade_cells, gradebook.add_grade_cell),
            (
                saved.solution_cells,
                self.new_solution_cells,
                gradebook.add_solution_cell,
            ),
            (saved.task_cells, self.new_task_cells, gradebook.add_task_cell),
            (saved.source_cells, self.new_source_cells, gradebook.add_source_cell),
        )
        for cells, wanted, add in kinds:
            known = {cell.name for cell in cells}
            for cell in [cell for cell in cells if cell.name not in wanted]:
                self._remove(cell)
            gradebook.db.commit()
            for name in wanted.keys() - known:
                add(name, self.notebook_id, self.assignment_id, **wanted[name])
        gradebook.db.refresh(saved)
        for submission in saved.submissions:
            self._complete(submission, saved)
        gradebook.db.commit()

    def _remove(self, cell):
        for each in (*getattr(cell, "grades", ()), *getattr(cell, "comments", ())):
            self.gradebook.db.delete(each)
        self.gradebook.db.delete(cell)

    def _complete(self, submission, saved):
        """Gives a submission a mark and a comment for each cell that has none."""
        graded = {grade.cell_id for grade in submission.grades}
        commented = {comment.cell_id for comment in submission.comments}
        for cell in (*saved.grade_cells, *saved.task_cells):
            if cell.id not in graded:
                self.gradebook.db.add(Grade(cell_id=cell.id, notebook=submission))
        for cell in (*saved.solution_cells, *saved.task_cells):
            if cell.id not in commented:
                self.gradebook.db.add(Comment(cell_id=cell.id, notebook=submission))
