"""Lists as the process tests pack them: Excel workbooks, part by part, and zstd, which Python's library lacks."""
import struct
import zipfile
from xml.sax.saxutils import escape, quoteattr

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _relations(*relations):
    inside = "".join(f'<Relationship Id="{name}" Type="{TYPES}/{kind}" Target="{target}"/>' for name, kind, target in relations)
    return f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inside}</Relationships>'


def _cell(reference, value, strings):
    if isinstance(value, bool):
        return f'<c r="{reference}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)):
        return f'<c r="{reference}"><v>{value}</v></c>'
    return f'<c r="{reference}" t="s"><v>{strings.setdefault(value, len(strings))}</v></c>'


def parts_of_workbook(sheets):
    """The parts, by name, of a workbook with these sheets: {name: {row number: values, None for no cell}}."""
    strings, parts = {}, {}
    for number, rows in enumerate(sheets.values(), 1):
        text = "".join(
            f'<row r="{row}">' + "".join(_cell(f"{chr(65 + at)}{row}", value, strings) for at, value in enumerate(values)
                                         if value is not None) + "</row>" for row, values in rows.items())
        parts[f"xl/worksheets/sheet{number}.xml"] = f"<worksheet {MAIN}><sheetData>{text}</sheetData></worksheet>"
    names = "".join(f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="rId{number}"/>'
                    for number, name in enumerate(sheets, 1))
    parts["xl/workbook.xml"] = f'<workbook {MAIN} xmlns:r="{TYPES}"><sheets>{names}</sheets></workbook>'
    parts["xl/sharedStrings.xml"] = f"<sst {MAIN}>" + "".join(f"<si><t>{escape(text)}</t></si>" for text in strings) + "</sst>"
    parts["xl/styles.xml"] = f"<styleSheet {MAIN}/>"
    parts["_rels/.rels"] = _relations(("rId1", "officeDocument", "xl/workbook.xml"))
    parts["xl/_rels/workbook.xml.rels"] = _relations(
        *((f"rId{number}", "worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)),
        ("rStrings", "sharedStrings", "sharedStrings.xml"), ("rStyles", "styles", "styles.xml"))
    return parts


def write_parts(path, parts):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, text)
    return path


def write_workbook(path, sheets):
    return write_parts(path, parts_of_workbook(sheets))


def zstd(data, repeated=b"", times=0):
    """A frame of zstd, not packed at all: its blocks as they are; then `times` blocks of 128 KiB of the byte `repeated`."""
    size = 128 << 10
    blocks = [(0, len(data[at:at + size]), data[at:at + size]) for at in range(0, len(data), size)]
    blocks += [(1, size, repeated)] * times
    frame = b"\x28\xb5\x2f\xfd" + bytes([0x00, 0x38])  # a window of 128 KiB, and no size
    for number, (kind, length, content) in enumerate(blocks, 1):
        frame += struct.pack("<I", (number == len(blocks)) | kind << 1 | length << 3)[:3] + content
    return frame
