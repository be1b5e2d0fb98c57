"""The page of ``liuli inspect MODEL DATA``: everything that can be seen of a model on data, what does not apply left
out with its reason."""

from liuli.report.inspection.page import inspection_page, write_inspection

__all__ = ["inspection_page", "write_inspection"]
