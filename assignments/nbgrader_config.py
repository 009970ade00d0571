"""nbgrader's settings for this course, used by `cnnlab release` and `grade` too.

Hidden tests are cleared before nbgrader stores the cells, and marks come from
`MarkOutside`: nothing of nbgrader itself runs a student's code or decides a mark.
"""

from pathlib import Path

from nbgrader import preprocessors
from sqlalchemy.engine import URL

from cnnlab.classroom.autograde import MarkOutside, RestoreCells
from cnnlab.classroom.collect import BoundedExtractor, CarefulCollector
from cnnlab.classroom.exchange import CarefulCollect
from cnnlab.classroom.export import SafeCsvExport
from cnnlab.classroom.notebooks import AnyNotebook
from cnnlab.classroom.release import ClearRest
from cnnlab.classroom.renew import SaveChangedCells
from cnnlab.classroom.sanitize import clean

c = get_config()  # noqa: F821
root = Path(__file__).parent.resolve()

c.CourseDirectory.root = str(root)
gradebook = URL.create(
    "sqlite", database=str(root / "gradebook.db"), query={"timeout": "60"}
)
c.CourseDirectory.db_url = str(gradebook)
c.GenerateAssignment.preprocessors = [
    preprocessors.IncludeHeaderFooter,
    preprocessors.LockCells,
    preprocessors.ClearSolutions,
    preprocessors.ClearHiddenTests,
    preprocessors.ClearMarkScheme,
    preprocessors.ClearOutput,
    ClearRest,
    preprocessors.CheckCellMetadata,
    preprocessors.ComputeChecksums,
    SaveChangedCells,
]
c.Autograde.exporter_class = AnyNotebook
c.Autograde.sanitize_preprocessors = [RestoreCells]
c.Autograde.autograde_preprocessors = [MarkOutside, preprocessors.AssignLatePenalties]
c.HTMLExporter.sanitize_html = True  # the formgrader's page, which may change marks
c.HTMLExporter.exclude_anchor_links = True
c.HTMLExporter.filters = {"clean_html": clean, "strip_files_prefix": clean}
c.ExportApp.plugin_class = SafeCsvExport
c.ExchangeFactory.collect = CarefulCollect
c.ZipCollectApp.extractor_plugin = BoundedExtractor
c.ZipCollectApp.collector_plugin = CarefulCollector
c.FileNameCollectorPlugin.named_regexp = (  # STUDENT_attempt_TIME_FILE, first match
    r"(?:/[^/]*)*?/(?:gradebook_)?(?P<student_id>[^/]+?)"
    r"_attempt_(?P<timestamp>[0-9][0-9TZ:.+-]*)_(?P<file_id>.+)"
)
