//! What a part gives: text, plots, and targets.

use crate::targets::Met;

/// What came out of one part.
#[derive(Debug, Default)]
pub struct Report {
    /// Markdown: what stands between the part's markers.
    pub text: String,
    /// File names and SVG texts.
    pub plots: Vec<(String, String)>,
    /// Which targets it measured.
    pub targets: Vec<Met>,
}

impl Report {
    /// Adds a plot, and shows it in the text.
    pub fn show(&mut self, name: &str, what: &str, svg: String) {
        self.text += &format!("![{what}](images/{name}.svg)\n\n");
        self.plots.push((format!("{name}.svg"), svg));
    }

    /// Adds a paragraph.
    pub fn say(&mut self, text: &str) {
        self.text += text;
        self.text += "\n\n";
    }

    /// Adds a table: the names of its columns, then its rows. All but the first column are numbers.
    pub fn table<const N: usize>(&mut self, columns: [&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        self.wide_table(columns.map(str::to_owned).into(), rows.into_iter().map(Vec::from));
    }

    /// The same where the number of columns is known only now.
    pub fn wide_table(&mut self, columns: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) {
        let rule = (0..columns.len()).map(|i| if i == 0 { "---" } else { "---:" }.to_owned()).collect();
        for cells in [columns, rule].into_iter().chain(rows) {
            self.text += &format!("| {} |\n", cells.join(" | "));
        }
        self.text += "\n";
    }
}

/// A count with commas between thousands.
pub fn count(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0.0, 999.4, 1000.0, 1234567.0].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut report = Report::default();
        report.table(["a", "b"], [["x".to_owned(), "1".to_owned()]]);
        assert_eq!(report.text, "| a | b |\n| --- | ---: |\n| x | 1 |\n\n");
    }
}
