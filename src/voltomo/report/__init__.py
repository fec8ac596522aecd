"""A page to read: reads artefacts, computes nothing."""

from voltomo.report.content import ReportContent
from voltomo.report.write import write_report

__all__ = ["ReportContent", "write_report"]
