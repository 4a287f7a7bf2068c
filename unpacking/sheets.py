"""The values of a workbook: sheet by sheet, a line a row, as comma-separated values. In the child.

Formulas are told by the result that the file holds. Old workbooks and OpenDocument ones too.
"""

import csv
import datetime
import io
from typing import Any

import python_calamine as calamine

from unpacking.letters import Gathering
from unpacking.said import Text, Unreadable

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"


def read(data: bytes, *, media_type: str = XLSX) -> Text:
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    except calamine.PasswordError:
        raise Unreadable("protected") from None
    gathered = Gathering()
    has_values = False
    for sheet in workbook.sheets_metadata:
        if sheet.typ != calamine.SheetTypeEnum.WorkSheet:
            continue
        gathered.add(f"[Sheet {sheet.name}]")
        for row in workbook.get_sheet_by_name(sheet.name).iter_rows():
            line = _line(row)
            if line:
                has_values = True
                gathered.add(line)
        gathered.add("")
    if not has_values:
        raise Unreadable("no-text")
    return Text(media_type=media_type, text=gathered.text())


def _line(row: list[Any]) -> str:
    cells = [_value(cell) for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    if not cells:
        return ""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(cells)
    return buffer.getvalue()


def _value(cell: object) -> str:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime.datetime):
        is_day = cell.time() == datetime.time()
        return cell.date().isoformat() if is_day else cell.isoformat(sep=" ", timespec="seconds")
    return " ".join(str(cell).split("\n"))
