"""Exporters of records for `scrapy crawl -O FILE` in CSV and XML."""

from typing import Any

from scrapy.exporters import CsvItemExporter, XmlItemExporter

from rscrawler.delivery.records import csv_cells


class RecordCsvExporter(CsvItemExporter):
    """Writes records as `rscrawler export --format csv` does, other items as Scrapy does."""

    def export_item(self, item: Any) -> None:
        """Write one row, and the header before the first."""
        super().export_item(csv_cells(item) if _is_record(item) else item)


class RecordXmlExporter(XmlItemExporter):
    """Leaves out unknown fields, for which Scrapy's own exporter writes the word None."""

    def export_item(self, item: Any) -> None:
        """Write one element."""
        super().export_item(_known(item) if _is_record(item) else item)


def _is_record(item: Any) -> bool:
    return isinstance(item, dict) and "record_id" in item


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(each) for name, each in value.items() if each is not None}
    return [_known(each) for each in value] if isinstance(value, list) else value
