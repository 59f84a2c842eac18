//! Text for people: aligned tables, bytes, times, modes. What comes from images is escaped before it gets here, or here.

use std::io::Write;

use console::{Alignment, measure_text_width, pad_str};
use indicatif::HumanBytes;
use jiff::Timestamp;

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
    fn whole(mut out: impl Write, text: &str) -> bool {
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
    }
    // Looking for colours in a long text that has none takes its time.
    if text.contains('\u{1b}') { whole(anstream::stdout().lock(), text) } else { whole(std::io::stdout().lock(), text) }
}

/// Rows below each other, two spaces between columns; those in `right` stand at the right. Ends with a line break unless it is empty.
pub fn table(rows: impl IntoIterator<Item = Vec<String>>, right: &[usize]) -> String {
    // All cells in one text, and where they end: of many rows, none is kept in pieces.
    let (mut cells, mut ends, mut widths) = (String::new(), Vec::new(), Vec::<usize>::new());
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = measure_text_width(cell).max(*width);
            cells += cell;
            ends.push(Some(cells.len()));
        }
        ends.push(None);
    }
    let (mut text, mut start, mut column) = (String::with_capacity(cells.len().saturating_mul(2)), 0, 0);
    for end in ends {
        let Some(end) = end else {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
            column = 0;
            continue;
        };
        let (cell, width) = (&cells[start..end], widths[column]);
        let side = if right.contains(&column) { Alignment::Right } else { Alignment::Left };
        text += if column > 0 { "  " } else { "" };
        text += &pad_str(cell, width, side, None);
        (start, column) = (end, column + 1);
    }
    text
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
