//! A health check as the Dockerfile's instruction says it, for the `Healthcheck` that Docker adds to an image's config.

use super::json::Value;

/// The JSON object for `NONE`, or for `[FLAGS] CMD command`: the command as a JSON array, or else for the shell. The flags are
/// `--interval`, `--timeout`, `--start-period`, `--start-interval` (times as `1m30s`) and `--retries` (a number), each `--name=value`.
/// Why it is none of these is said so that it can follow the value.
pub fn parse(text: &str) -> Result<String, String> {
    let mut rest = text.trim();
    let mut times: [Option<u64>; 4] = [None; 4];
    let mut retries: Option<u64> = None;
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, behind) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
        rest = behind.trim_start();
        let (name, value) = flag.split_once('=').ok_or_else(|| format!("has --{flag} without `=` and a value"))?;
        let slot = match FLAGS.iter().position(|known| *known == name).and_then(|at| times.get_mut(at)) {
            Some(slot) => slot,
            None if name == "retries" => &mut retries,
            None => return Err(format!("has --{name}, which there is not")),
        };
        let number = if name == "retries" { value.parse().ok().filter(|n| *n <= MAX) } else { time(value) };
        let number = number.ok_or_else(|| format!("has a --{name} that cannot be: times are written as 1m30s"))?;
        if slot.replace(number).is_some() {
            return Err(format!("has --{name} twice"));
        }
    }
    let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let (kind, command) = (kind.to_ascii_uppercase(), command.trim());
    let flags = times.iter().chain([&retries]).any(Option::is_some);
    let words: Vec<String> = match kind.as_str() {
        "NONE" if command.is_empty() && !flags => vec![kind],
        "NONE" => return Err("has something besides NONE".into()),
        "CMD" => {
            let exec: Option<Vec<String>> = serde_json::from_str(command).ok();
            let (kind, words) = match exec {
                Some(words) => (kind, words),
                None => ("CMD-SHELL".to_owned(), vec![command.to_owned()]),
            };
            if words.iter().all(String::is_empty) {
                return Err("has no command behind CMD".into());
            }
            [kind].into_iter().chain(words).collect()
        }
        _ => return Err("is neither NONE nor [FLAGS] CMD and a command".into()),
    };
    let mut members = vec![("Test", Value::list(&words))];
    for (name, number) in NAMES.into_iter().zip(times.into_iter().chain([retries])) {
        members.extend(number.filter(|number| *number > 0).map(|number| (name, Value::Number(number))));
    }
    Ok(Value::Object(members).compact())
}

/// Nanoseconds in Go's notation, `1h2m3.5s`; none or at least a millisecond.
fn time(text: &str) -> Option<u64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0_u64;
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (whole, behind) = digits(rest)?;
        let (fraction, behind) = behind.strip_prefix('.').map_or(Some(("", behind)), digits)?;
        let (unit, behind) =
            behind.split_at_checked(behind.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(behind.len()))?;
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(*scale)?)?;
        let mut part = *scale;
        for digit in fraction.bytes() {
            part = part.checked_div(10)?;
            total = total.checked_add(part.checked_mul(u64::from(digit.checked_sub(b'0')?))?)?;
        }
        rest = behind;
    }
    (total == 0 || (MILLISECOND..=MAX).contains(&total)).then_some(total)
}

fn digits(text: &str) -> Option<(&str, &str)> {
    text.split_at_checked(text.bytes().take_while(u8::is_ascii_digit).count())
}

const FLAGS: [&str; 4] = ["interval", "timeout", "start-period", "start-interval"];
/// Of the flags and the retries.
const NAMES: [&str; 5] = ["Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"];
const MILLISECOND: u64 = 1_000_000;
/// The longest time, and most retries, that Docker can hold.
const MAX: u64 = i64::MAX as u64;
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", MILLISECOND),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_the_dockerfiles() {
        for (text, json) in [
            ("NONE", r#"{"Test":["NONE"]}"#),
            (" cmd  curl -f x || exit 1 ", r#"{"Test":["CMD-SHELL","curl -f x || exit 1"]}"#),
            (r#"CMD ["curl", "x"]"#, r#"{"Test":["CMD","curl","x"]}"#),
            ("CMD [ -f x ]", r#"{"Test":["CMD-SHELL","[ -f x ]"]}"#),
            (
                "--interval=1m30s --timeout=500ms --start-period=1.5h --start-interval=0s --retries=3 CMD x",
                r#"{"Test":["CMD-SHELL","x"],"Interval":90000000000,"Timeout":500000000,"StartPeriod":5400000000000,"Retries":3}"#,
            ),
            ("--retries=0 --interval=0 --timeout=.5s CMD x", r#"{"Test":["CMD-SHELL","x"],"Timeout":500000000}"#),
        ] {
            assert_eq!(parse(text), Ok(json.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_a_dockerfile_cannot_say_is_refused() {
        for text in [
            "",
            "x",
            "CMD",
            "CMD []",
            "NONE x",
            "--retries=1 NONE",
            "--interval CMD x",
            "--interval= CMD x",
            "--interval=30 CMD x",
            "--interval=-1s CMD x",
            "--interval=1us CMD x",
            "--interval=1x CMD x",
            "--interval=s CMD x",
            "--interval=9999999999h CMD x",
            "--interval=1s --interval=1s CMD x",
            "--retries=-1 CMD x",
            "--retries=1.5 CMD x",
            "--other=1 CMD x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
