//! Times in documents: RFC 3339, as Go writes and compares them.

use jiff::Timestamp;

use crate::error::{Error, Result};

/// Seconds since 1970 as documents have them, in UTC.
///
/// # Errors
/// `invalid-option` for a time outside of the years 0 to 9999, which RFC 3339 cannot write.
pub fn rfc3339(seconds: i64) -> Result<String> {
    let within = (FIRST..=LAST).contains(&seconds);
    Timestamp::from_second(seconds).ok().filter(|_| within).map(|time| time.to_string()).ok_or_else(|| {
        let message = format!("{seconds} seconds since 1970 is not between the years 0 and 9999");
        Error::invalid_option("source-date-epoch", message)
    })
}

/// Whether the time in a document is later than `seconds` since 1970. `None` when it is not a time.
pub fn later(text: &str, seconds: i64) -> Option<bool> {
    let time: Timestamp = text.parse().ok()?;
    Some(time > Timestamp::from_second(seconds).ok()?)
}

/// The time as Go writes it again: zeros at the end of a fraction are left out.
pub fn again(text: &str) -> String {
    let Some((head, rest)) = text.split_once('.') else { return text.to_owned() };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at_checked(digits).unwrap_or((rest, ""));
    match fraction.trim_end_matches('0') {
        "" => format!("{head}{zone}"),
        fraction => format!("{head}.{fraction}{zone}"),
    }
}

/// 0000-01-01T00:00:00Z.
const FIRST: i64 = -62_167_219_200;
/// 9999-12-30T22:00:00Z, the last that the library holds.
const LAST: i64 = 253_402_207_200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_gos() {
        assert_eq!(rfc3339(1_700_000_000), Ok("2023-11-14T22:13:20Z".into()));
        assert_eq!(rfc3339(-1), Ok("1969-12-31T23:59:59Z".into()));
        assert!(rfc3339(i64::MAX).is_err());
        assert_eq!(again("2023-01-01T00:00:00.120000+02:00"), "2023-01-01T00:00:00.12+02:00");
        assert_eq!(again("2023-01-01T00:00:00.000Z"), "2023-01-01T00:00:00Z");
        assert_eq!(later("2023-11-14T22:13:20.5Z", 1_700_000_000), Some(true));
        assert_eq!(later("2023-11-15T00:13:20+02:00", 1_700_000_000), Some(false));
        assert_eq!(later("yesterday", 0), None);
    }
}
