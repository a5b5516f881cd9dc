/// Rows of text in aligned columns, under a header.
#[derive(Debug)]
pub(crate) struct Table<const COLUMNS: usize> {
    columns: [Column; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

/// A column: its title, and where its texts stand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Column {
    /// Texts, at the left.
    Text(&'static str),
    /// Numbers, at the right.
    Number(&'static str),
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// An empty one.
    pub(crate) const fn new(columns: [Column; COLUMNS]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row. Each character of its texts takes one column.
    pub(crate) fn row(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }

    /// The lines, the header first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let header = self.columns.map(|column| column.title().to_owned());
        let widths: [usize; COLUMNS] = std::array::from_fn(|index| {
            self.rows.iter().chain([&header]).map(|row| row[index].chars().count()).max().unwrap_or_default()
        });
        let line = move |row: &[String; COLUMNS]| {
            let mut line = String::new();
            for ((text, width), column) in row.iter().zip(widths).zip(self.columns) {
                if !line.is_empty() {
                    line.push_str("  ");
                }
                match column {
                    Column::Text(_) => line.push_str(&format!("{text:<width$}")),
                    Column::Number(_) => line.push_str(&format!("{text:>width$}")),
                }
            }
            line.trim_end().to_owned()
        };
        let header = line(&header);
        std::iter::once(header).chain(self.rows.iter().map(line))
    }
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Text(title) | Self::Number(title) => title,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_left_and_numbers_right() {
        let mut table = Table::new([Column::Text("NAME"), Column::Number("COUNT"), Column::Text("NOTE")]);
        table.row(["worker-1".into(), "7".into(), String::new()]);
        table.row(["w".into(), "123456".into(), "paused".into()]);
        let expected = ["NAME       COUNT  NOTE", "worker-1       7", "w         123456  paused"];
        assert_eq!(table.lines().collect::<Vec<_>>(), expected);
    }
}
