//! Times in documents: RFC 3339, as strict as Go reads it and as Go writes it again.

use jiff::SignedDuration;
use jiff::civil::DateTime;

use crate::error::{Error, Result};

/// A point in time, with the zone it was written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    text: String,
    /// Since 1970, rounded down.
    seconds: i64,
    nanoseconds: u32,
}

impl Time {
    /// From a document. `None` for what RFC 3339 does not allow, and for seconds of 60, which Go does not know.
    ///
    /// The fraction is cut after nine digits and loses its zeros at the end, a zone of no hours becomes `Z`; nothing else changes.
    ///
    /// ```
    /// use ocix_core::documents::time::Time;
    /// let time = Time::parse("2023-11-14T22:13:20.120+00:00");
    /// assert_eq!(time.as_ref().map(Time::as_str), Some("2023-11-14T22:13:20.12Z"));
    /// assert!(Time::parse("2023-11-14 22:13:20Z").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (moment, rest) = text.split_at_checked(MOMENT)?;
        let moment_seconds = seconds_of(moment)?;
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(rest) => rest
                .split_at_checked(rest.bytes().take_while(u8::is_ascii_digit).count())
                .filter(|(digits, _)| !digits.is_empty())?,
            None => ("", rest),
        };
        let offset = offset_of(zone)?;
        let fraction = fraction.get(..NANO_DIGITS).unwrap_or(fraction);
        let nanoseconds = format!("{fraction:0<NANO_DIGITS$}").parse().ok()?;
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        let zone = if offset == 0 { "Z" } else { zone };
        Some(Self {
            text: format!("{moment}{point}{fraction}{zone}"),
            seconds: moment_seconds.checked_sub(offset)?,
            nanoseconds,
        })
    }

    /// In UTC, without a fraction.
    ///
    /// # Errors
    /// As [`rfc3339`].
    pub fn at(seconds: i64) -> Result<Self> {
        rfc3339(seconds).map(|text| Self { text, seconds, nanoseconds: 0 })
    }

    /// Whether it is later than `seconds` since 1970.
    pub fn is_after(&self, seconds: i64) -> bool {
        (self.seconds, self.nanoseconds) > (seconds, 0)
    }

    /// As documents have it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Seconds since 1970 as documents have them: in UTC, without a fraction.
///
/// # Errors
/// `invalid-option` for a time outside of the years 0 to 9999, which RFC 3339 cannot write.
///
/// ```
/// assert_eq!(ocix_core::documents::time::rfc3339(1_700_000_000), Ok("2023-11-14T22:13:20Z".into()));
/// ```
pub fn rfc3339(seconds: i64) -> Result<String> {
    let time =
        EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok().filter(|time| (0..=9999).contains(&time.year()));
    let Some(time) = time else {
        let message = format!(
            "{seconds} seconds since 1970 is not between the years 0 and 9999, which is all that an image's times can say"
        );
        return Err(Error::invalid_option("source-date-epoch", message));
    };
    let (year, month, day) = (time.year(), time.month(), time.day());
    Ok(format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", time.hour(), time.minute(), time.second()))
}

/// Seconds from 1970 to `2023-11-14T22:13:20`, as if it were UTC.
fn seconds_of(moment: &str) -> Option<i64> {
    let &[y0, y1, y2, y3, b'-', mo0, mo1, b'-', d0, d1, b'T', h0, h1, b':', mi0, mi1, b':', s0, s1] = moment.as_bytes()
    else {
        return None;
    };
    let two = |digits: [u8; 2]| i8::try_from(number(&digits)?).ok();
    let year = i16::try_from(number(&[y0, y1, y2, y3])?).ok()?;
    let time =
        DateTime::new(year, two([mo0, mo1])?, two([d0, d1])?, two([h0, h1])?, two([mi0, mi1])?, two([s0, s1])?, 0)
            .ok()?;
    Some(time.duration_since(EPOCH).as_secs())
}

/// Seconds that a zone's clocks are ahead of UTC.
fn offset_of(zone: &str) -> Option<i64> {
    match zone.as_bytes() {
        b"Z" => Some(0),
        &[sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let hours = number(&[h0, h1]).filter(|hours| *hours < 24)?;
            let minutes = number(&[m0, m1]).filter(|minutes| *minutes < 60)?;
            let ahead = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
            Some(if sign == b'-' { ahead.checked_neg()? } else { ahead })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// Bytes of a date and time without fraction and zone.
const MOMENT: usize = 19;
const NANO_DIGITS: usize = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_does() {
        for (text, written) in [
            ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"),
            ("2026-11-23T05:24:34.269511841Z", "2026-11-23T05:24:34.269511841Z"),
            ("2023-01-01T00:00:00.120000+02:00", "2023-01-01T00:00:00.12+02:00"),
            ("2023-01-01T00:00:00.000Z", "2023-01-01T00:00:00Z"),
            ("2023-01-01T00:00:00.1234567899Z", "2023-01-01T00:00:00.123456789Z"),
            ("0001-01-01T00:00:00-00:00", "0001-01-01T00:00:00Z"),
            ("2024-02-29T23:59:59-23:59", "2024-02-29T23:59:59-23:59"),
        ] {
            assert_eq!(Time::parse(text).map(|time| time.text), Some(written.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "yesterday",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-11-14t22:13:20Z",
            "2023-11-14T22:13:20z",
            "2023-11-14 22:13:20Z",
            "2023-02-29T00:00:00Z",
            "2023-11-14T24:00:00Z",
            "2023-11-14T23:60:00Z",
            "2016-12-31T23:59:60Z",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20,5Z",
            "2023-11-14T22:13:20+24:00",
            "2023-11-14T22:13:20+01:60",
            "2023-11-14T22:13:20+0100",
            "+023-11-14T22:13:20Z",
            "2023-11-14T22:13:2éZ",
            "2023-11-14T22:13:20ZZ",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn zones_and_fractions_count() {
        for (text, seconds, after) in [
            ("2023-11-14T22:13:20Z", 1_700_000_000, false),
            ("2023-11-14T22:13:20.000000001Z", 1_700_000_000, true),
            ("2023-11-15T00:13:20+02:00", 1_700_000_000, false),
            ("2023-11-14T21:13:21-01:00", 1_700_000_000, true),
            ("1969-12-31T23:59:58.5Z", -2, true),
            ("1969-12-31T23:59:58.5Z", -1, false),
            ("9999-12-31T23:59:59-23:59", 253_402_300_799, true),
            ("0000-01-01T00:00:00+23:59", -62_167_219_200, false),
            ("9999-12-31T23:59:59Z", i64::MAX, false),
            ("0000-01-01T00:00:00Z", i64::MIN, true),
        ] {
            assert_eq!(Time::parse(text).map(|time| time.is_after(seconds)), Some(after), "{text} {seconds}");
        }
    }

    #[test]
    fn epochs_stay_in_the_years_that_can_be_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-5, "1969-12-31T23:59:55Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), Ok(text.to_owned()));
        }
        for seconds in [253_402_300_800, -62_167_219_201, i64::MAX, i64::MIN] {
            assert!(rfc3339(seconds).is_err(), "{seconds}");
        }
    }
}
