//! Numbers and foreign text as people read them.

/// Text of another machine on one line, without anything that a terminal would take for a command.
pub fn one_line(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let mut line = String::with_capacity(text.len());
    for c in spaced.filter(|c| !c.is_control()) {
        if c != ' ' || !line.ends_with(' ') {
            line.push(c);
        }
    }
    line.trim().to_owned()
}

/// A rate in bit/s as kbit/s or Mbit/s.
pub fn rate(bits_a_second: u64) -> String {
    match bits_a_second {
        0..1_000 => format!("{bits_a_second} bit/s"),
        1_000..1_000_000 => format!("{} kbit/s", bits_a_second / 1_000),
        _ => format!("{:.2} Mbit/s", bits_a_second as f64 / 1e6),
    }
}

/// A number of bytes, as kB, MB or GB.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.2} GB", count as f64 / 1e9),
    }
}

/// Seconds as `1:02:03`, or `2:03` below an hour.
pub fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A share from 0 to 1 in percent.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A part of a path or query of an address, with what has a meaning there escaped.
pub fn escaped(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Rows under a heading, columns as wide as their widest cell, two spaces between them. Cells are made one line.
pub fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |row: &Vec<String>| row.iter().map(|cell| one_line(cell)).collect::<Vec<_>>();
    let heading = heading.iter().map(|&title| title.to_owned()).collect::<Vec<_>>();
    let lines: Vec<Vec<String>> = std::iter::once(heading).chain(rows.iter().map(cells)).collect();
    let widths: Vec<usize> = (0..lines[0].len())
        .map(|column| lines.iter().filter_map(|line| line.get(column)).map(|c| width(c)).max().unwrap_or(0))
        .collect();
    lines.iter().map(|line| table_line(line, &widths)).collect()
}

fn table_line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, &wanted) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(wanted.saturating_sub(width(cell)) + 2));
    }
    format!("{}\n", line.trim_end())
}

/// Names and values, one pair a line, values in one column.
pub fn pairs(indent: usize, pairs: &[(&str, String)]) -> String {
    let wide = pairs.iter().map(|(name, _)| width(name)).max().unwrap_or(0) + 1;
    let line = |(name, value): &(&str, String)| {
        format!("{:indent$}{:wide$} {}", "", format!("{name}:"), one_line(value)).trim_end().to_owned() + "\n"
    };
    pairs.iter().map(line).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_times_are_short() {
        assert_eq!(rate(999), "999 bit/s");
        assert_eq!(rate(64_400), "64 kbit/s");
        assert_eq!(rate(2_345_678), "2.35 Mbit/s");
        assert_eq!(
            (bytes(999), bytes(1_500), bytes(2_340_000)),
            ("999 bytes".into(), "1.5 kB".into(), "2.3 MB".into())
        );
        assert_eq!(bytes(12_345_678_901), "12.35 GB");
        assert_eq!(clock(0), "0:00");
        assert_eq!(clock(3_723), "1:02:03");
        assert_eq!(percent(0.1), "10.0 %");
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_a_path() {
        assert_eq!(escaped("../keys?x=1#y z%é"), "..%2Fkeys%3Fx%3D1%23y%20z%25%C3%A9");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".into(), "b\nc".into()], vec!["longer".into(), String::new()]];
        assert_eq!(table(&["ID", "WHAT"], &rows), "ID      WHAT\na       b c\nlonger\n");
    }

    #[test]
    fn values_stand_in_one_column() {
        assert_eq!(
            pairs(2, &[("Ingest", "udp".into()), ("Playback", "http".into())]),
            "  Ingest:   udp\n  Playback: http\n"
        );
    }

    proptest::proptest! {
        #[test]
        fn no_control_character_reaches_the_terminal(text in "\\PC*|.*") {
            proptest::prop_assert!(!one_line(&text).chars().any(char::is_control));
        }
    }
}
