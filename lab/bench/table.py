"""One table for two readers: aligned on a terminal, and Markdown in the documentation."""


class Table:
    """Rows of text under a head; the first column is left, the others are right."""

    def __init__(self, *head: str):
        """With this head."""
        self.rows = [list(head)]

    def add(self, *row: str) -> None:
        """One more row."""
        self.rows.append(list(row))

    def text(self) -> str:
        """Aligned, for a terminal."""
        widths = [max(len(row[at]) for row in self.rows) for at in range(len(self.rows[0]))]
        lines = []
        for row in self.rows:
            cells = [cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(row, widths))]
            lines.append("  " + "   ".join(cells).rstrip())
        return "\n".join(lines)

    def markdown(self) -> str:
        """For the documentation."""
        marked = [cell.replace("ext_authz", "`ext_authz`").replace("on_configure", "`on_configure`") for cell in self.rows[0]]
        lines = [f"| {' | '.join(marked)} |", f"|---|{'---:|' * (len(marked) - 1)}"]
        for row in self.rows[1:]:
            lines.append(f"| {' | '.join(cell.replace('ext_authz', '`ext_authz`') for cell in row)} |")
        return "\n".join(lines)
