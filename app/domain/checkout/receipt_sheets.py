"""Draws a receipt on A4 paper; knows nothing of orders. Fonts travel inside the PDF.

Loaded when a receipt is drawn: the library behind it is a tenth of a web process.
"""

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos
from fpdf.fonts import TTFFont

from app.domain.checkout.receipt_pages import FONTS, Line, Page, Part

TEXT, STRONG = "text", "strong"
MARGIN = 20.0
WIDTH = 210.0 - 2 * MARGIN
AMOUNT_WIDTH = 52.0
COLUMN = WIDTH / 2
INK, SOFT, HAIRLINE, ACCENT = (38, 33, 28), (96, 89, 81), (214, 207, 197), (0, 84, 95)
MAX_TEXT = 2000
UNKNOWN = "\ufffd"


class _Sheet(FPDF):
    """A4 with our fonts, and a foot on each page."""

    def __init__(self, foot: str) -> None:
        super().__init__(format="A4")
        self.foot = foot
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, margin=MARGIN + 8)
        for family in (TEXT, STRONG):
            self.add_font(family, fname=FONTS / f"{family}.ttf")
        font = self.fonts[TEXT]
        self.letters = frozenset(font.cmap) if isinstance(font, TTFFont) else frozenset()
        self.c_margin = 0.0

    def footer(self) -> None:
        """Write who sells at the bottom of the page."""
        self.set_y(-MARGIN)
        self.rule()
        self.ink(TEXT, 8, SOFT)
        self.cell(WIDTH, 8, self.printable(self.foot), align=Align.L)

    def printable(self, text: str) -> str:
        """Return `text` with a mark in place of each letter that our fonts lack."""
        return "".join(
            c if c == "\n" or ord(c) in self.letters else UNKNOWN for c in text[:MAX_TEXT]
        )

    def ink(self, family: str, points: float, colour: tuple[int, int, int]) -> None:
        """Write in this face, size and colour from here."""
        self.set_font(family, size=points)
        self.set_text_color(*colour)

    def rule(self) -> None:
        """Draw a hairline over the whole width."""
        self.set_draw_color(*HAIRLINE)
        self.set_line_width(0.2)
        self.line(MARGIN, self.get_y(), MARGIN + WIDTH, self.get_y())

    def words(self, text: str, width: float, height: float, align: Align = Align.L) -> None:
        """Write lines one below the other, starting where the pen is."""
        self.multi_cell(
            width, height, self.printable(text), align=align, new_x=XPos.LEFT, new_y=YPos.NEXT
        )

    def height_of(self, text: str, width: float, height: float) -> float:
        """Return how high the lines of `text` will be, in the face that is set."""
        known = self.multi_cell(
            width, height, self.printable(text), dry_run=True, output=MethodReturnValue.HEIGHT
        )
        return known if isinstance(known, float) else height


def draw(page: Page) -> bytes:
    """Return the page as a PDF; equal words give equal bytes."""
    sheet = _Sheet(page.foot)
    sheet.set_title(sheet.printable(page.subject))
    sheet.set_author(sheet.printable(page.seller))
    sheet.set_creator("")
    sheet.set_lang(page.language)
    sheet.set_creation_date(page.made_at)
    sheet.add_page()
    _head(sheet, page)
    _parties(sheet, page)
    for part in page.parts:
        _part(sheet, part)
    return bytes(sheet.output())


def _head(sheet: _Sheet, page: Page) -> None:
    top = sheet.get_y()
    sheet.ink(STRONG, 15, ACCENT)
    sheet.words(page.seller, COLUMN, 7)
    if page.seller_details.strip():
        sheet.ink(TEXT, 9, SOFT)
        sheet.words(page.seller_details.strip(), COLUMN, 4.6)
    below = sheet.get_y()
    sheet.set_xy(MARGIN + COLUMN, top)
    sheet.ink(STRONG, 22, INK)
    sheet.words(page.title, COLUMN, 9, Align.R)
    if page.mark:
        sheet.ink(STRONG, 10, ACCENT)
        sheet.words(page.mark, COLUMN, 5.5, Align.R)
    sheet.set_xy(MARGIN, max(below, sheet.get_y()) + 8)
    sheet.rule()
    sheet.ln(6)


def _parties(sheet: _Sheet, page: Page) -> None:
    top = sheet.get_y()
    sheet.ink(TEXT, 9, SOFT)
    sheet.words(page.buyer_heading, COLUMN, 5)
    for number, text in enumerate(page.buyer):
        sheet.ink(TEXT if number else STRONG, 10.5, INK)
        sheet.words(text, COLUMN - 6, 5.4)
    below, y = sheet.get_y(), top
    for name, value in page.facts:
        sheet.set_xy(MARGIN + COLUMN, y)
        sheet.ink(TEXT, 9, SOFT)
        sheet.cell(30, 5.6, sheet.printable(name))
        sheet.set_xy(MARGIN + COLUMN + 30, y)
        sheet.ink(TEXT, 10, INK)
        sheet.words(value, COLUMN - 30, 5.6)
        y = sheet.get_y()
    sheet.set_xy(MARGIN, max(below, y) + 8)


def _part(sheet: _Sheet, part: Part) -> None:
    sheet.ink(STRONG, 11, INK)
    sheet.words(part.heading, WIDTH, 7)
    for line in part.lines:
        sheet.rule()
        _line(sheet, line)
    sheet.rule()
    sheet.ln(7)


def _line(sheet: _Sheet, line: Line) -> None:
    sheet.ln(1.6)
    family, words = STRONG if line.is_strong else TEXT, WIDTH - AMOUNT_WIDTH
    sheet.ink(family, 10.5, INK)
    if sheet.will_page_break(sheet.height_of(line.text, words, 5.6) + 8):
        sheet.add_page()  # the amount stays beside the words
    top = sheet.get_y()
    sheet.words(line.text, words, 5.6)
    if line.detail:
        sheet.ink(TEXT, 8.5, SOFT)
        sheet.words(line.detail, words, 4.6)
    below = sheet.get_y()
    sheet.set_xy(MARGIN + words, top)
    sheet.ink(family, 10.5, INK)
    sheet.words(line.amount, AMOUNT_WIDTH, 5.6, Align.R)
    sheet.set_xy(MARGIN, max(below, sheet.get_y()) + 1.6)
