"""The engagement report: measure labelled trees, save rows, or one HTML file in English or Chinese."""

from nlp_engage.report.engagement import EngagementReport, measure, report_run

__all__ = ["EngagementReport", "measure", "report_run"]
