//! Text for people: aligned tables, bytes, times, modes. What comes from images is escaped before it gets here, or here.

use std::collections::BTreeMap;
use std::io::Write;

use indicatif::HumanBytes;
use jiff::Timestamp;
use tabwriter::TabWriter;

/// Bold.
pub const BOLD: &str = "\u{1b}[1m";
/// For what is wrong, or gone.
pub const RED: &str = "\u{1b}[31m";
/// For what is new.
pub const GREEN: &str = "\u{1b}[32m";
/// For what is odd, or has changed.
pub const YELLOW: &str = "\u{1b}[33m";
/// Less important.
pub const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// Text in a colour; only terminals get to see it.
pub fn coloured(colour: &str, text: impl std::fmt::Display) -> String {
    format!("{colour}{text}{PLAIN}")
}

/// Prints, with colours when standard output is a terminal. A reader that has gone does not want to know; whether there is one.
pub fn print(text: &str) -> bool {
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// Rows below each other, two spaces between columns; those in `right` stand at the right. Ends with a line break unless it is empty.
pub fn table(rows: Vec<Vec<String>>, right: &[usize]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: BTreeMap<usize, usize> = right.iter().filter_map(|column| Some((*column, width(*column)?))).collect();
    let mut text = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let missing = widths.get(&column).map_or(0, |width| width.saturating_sub(cell.chars().count()));
            text.extend(std::iter::repeat_n(' ', missing));
            text += cell;
            text.push('\t');
        }
        text.push('\n');
    }
    let mut table = TabWriter::new(Vec::new()).minwidth(0).padding(2);
    // Into memory nothing fails.
    let _ = table.write_all(text.as_bytes()).and_then(|()| table.flush());
    let text = table.into_inner().ok().and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
    text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// Text of an image: nothing in it steers the terminal, or is a command to whoever reads a log.
pub fn plain(text: &str) -> String {
    let shown = ocix::shown(text);
    match shown.strip_prefix("::") {
        Some(rest) => format!("\\u{{3a}}:{rest}"),
        None => shown,
    }
}

/// The same, cut to so many characters.
pub fn cut(text: &str, most: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= most {
        return text;
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// In a unit that people read.
pub fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}

/// So many of something.
pub fn count(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// In UTC, to the second; the number where there is no such time.
pub fn time(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// So many seconds, in the largest unit of which there are two: `35 minutes`. Nothing is younger than now.
pub fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let units = [("days", 86_400), ("hours", 3_600), ("minutes", 60)];
    match units.iter().find(|(_, unit)| seconds >= unit * 2) {
        Some((name, unit)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} seconds"),
    }
}

/// As `ls -l` has it: what it is, and the 12 low bits.
pub fn mode(kind: char, mode: u32) -> String {
    let bit = |bit: u32, letter: char| if mode & bit == 0 { '-' } else { letter };
    let special = |bit: u32, run: u32, with: char, without: char| match (mode & bit != 0, mode & run != 0) {
        (true, true) => with,
        (true, false) => without,
        (false, true) => 'x',
        (false, false) => '-',
    };
    [
        kind,
        bit(0o400, 'r'),
        bit(0o200, 'w'),
        special(0o4000, 0o100, 's', 'S'),
        bit(0o40, 'r'),
        bit(0o20, 'w'),
        special(0o2000, 0o10, 's', 'S'),
        bit(0o4, 'r'),
        bit(0o2, 'w'),
        special(0o1000, 0o1, 't', 'T'),
    ]
    .iter()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_it() {
        assert_eq!(mode('-', 0o4755), "-rwsr-xr-x");
        assert_eq!(mode('d', 0o1777), "drwxrwxrwt");
        assert_eq!(mode('l', 0o2640), "lrw-r-S---");
        assert_eq!(time(0), "1970-01-01 00:00:00");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
        for (seconds, text) in [(-1, "0 seconds"), (119, "119 seconds"), (7_199, "119 minutes"), (900_000, "10 days")] {
            assert_eq!(age(seconds), text);
        }
        let row = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        assert_eq!(table(vec![row(["a", "1"]), row(["bcd", "22"])], &[1]), "a     1\nbcd  22\n");
        assert_eq!(table(Vec::new(), &[]), "");
        assert_eq!(plain("::error::a\u{1b}[2Jb"), "\\u{3a}:error::a\\u{1b}[2Jb");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!([count(0, "note"), count(1, "note"), count(2, "note")], ["0 notes", "1 note", "2 notes"]);
    }
}
