//! Markers in a page: `<!-- bench:NAME -->` and `<!-- /bench -->`, each alone on its line, with what is measured
//! between them.

use anyhow::{Context, Result};

const END: &str = "<!-- /bench -->";

/// The page with this text between the markers of this name.
pub fn replace(page: &str, name: &str, text: &str) -> Result<String> {
    let (before, _, after) = parts(page, name)?;
    Ok(format!("{before}\n\n{}\n\n{after}", text.trim()))
}

/// The page with these rows in the table between the markers of this name, each instead of the one that begins with
/// the same cell; those for which there is none come last.
pub fn update_rows(page: &str, name: &str, rows: impl IntoIterator<Item = String>) -> Result<String> {
    let (before, table, after) = parts(page, name)?;
    let mut lines: Vec<String> = table.trim().lines().map(str::to_owned).collect();
    for row in rows {
        match lines.iter_mut().find(|line| first_cell(line) == first_cell(&row)) {
            Some(line) => *line = row,
            None => lines.push(row),
        }
    }
    Ok(format!("{before}\n\n{}\n\n{after}", lines.join("\n")))
}

fn first_cell(row: &str) -> Option<&str> {
    row.split('|').nth(1).map(str::trim)
}

/// What stands before the text of a marker, the marker included; the text; and what follows, the end included.
fn parts<'a>(page: &'a str, name: &str) -> Result<(&'a str, &'a str, &'a str)> {
    let begin = format!("<!-- bench:{name} -->");
    let at = page.find(&begin).with_context(|| format!("the page has no marker {begin}"))?;
    let (before, rest) = page.split_at(at + begin.len());
    let end = rest.find(END).with_context(|| format!("{begin} has no {END}"))?;
    let (text, after) = rest.split_at(end);
    Ok((before, text, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "a\n<!-- bench:x -->\nold\n<!-- /bench -->\nb\n<!-- bench:y -->\n<!-- /bench -->\n";

    #[test]
    fn only_what_is_between_the_markers_of_a_name_is_replaced() {
        let page = replace(PAGE, "x", "new\n").unwrap();
        assert_eq!(page, PAGE.replace("\nold\n", "\n\nnew\n\n"));
        assert_eq!(replace(&page, "x", "new").unwrap(), page, "the same again");
    }

    #[test]
    fn rows_take_the_place_of_those_of_the_same_name() {
        let page = PAGE.replace("old", "| what | is |\n| --- | --- |\n| a | 1 |\n| b | 2 |");
        let page = update_rows(&page, "x", ["| a | 3 |".to_owned(), "| c | 4 |".to_owned()]).unwrap();
        assert!(page.contains("| --- | --- |\n| a | 3 |\n| b | 2 |\n| c | 4 |\n\n<!-- /bench -->"), "{page}");
    }

    #[test]
    fn a_missing_marker_is_named() {
        assert!(replace(PAGE, "z", "").unwrap_err().to_string().contains("bench:z"));
        assert!(replace("<!-- bench:x -->", "x", "").unwrap_err().to_string().contains("/bench"));
    }
}
