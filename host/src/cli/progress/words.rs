//! The words that lines and bars have in common. What comes from elsewhere is escaped here.

use std::time::Duration;

use indicatif::HumanBytes;
use ocix::{Action, Outcome, Pushed, Retry, Step, Tally, shown};

/// What a step does.
pub fn verb(action: Action) -> &'static str {
    match action {
        Action::Layer => "layer",
        Action::Copy => "copy",
        Action::Tag => "name",
        Action::Upload => "push",
        Action::Write => "write",
        Action::Read => "read",
    }
}

/// How a step ended.
pub fn ending(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Stored => "stored",
        Outcome::Uploaded => "uploaded",
        Outcome::Mounted(_) => "mounted",
        Outcome::AlreadyThere => "already there",
    }
}

/// A digest's first twelve digits; anything else as it is.
pub fn short(subject: &str) -> String {
    match subject.strip_prefix("sha256:").and_then(|hex| hex.get(..12)) {
        Some(start) => format!("sha256:{start}"),
        None => shown(subject),
    }
}

/// What a step is about.
pub fn title(step: &Step) -> String {
    format!("{} {}", verb(step.action), short(&step.subject))
}

/// A finished step; `several`: there are several targets.
pub fn finished(step: &Step, several: bool) -> String {
    let bytes = if step.done > 0 { format!(" {}", HumanBytes(step.done)) } else { String::new() };
    let place = step.target.as_ref().filter(|_| several).map(|target| format!(" to {}", shown(target)));
    let ending = match &step.outcome {
        None | Some(Outcome::Done) => String::new(),
        Some(Outcome::Mounted(from)) => format!(", mounted from {}", shown(from)),
        Some(outcome) => format!(", {}", ending(outcome)),
    };
    format!("{}{}{bytes}{ending}", title(step), place.unwrap_or_default())
}

/// What is tried again.
pub fn again(retry: &Retry) -> String {
    let wait = match retry.wait {
        0 => String::new(),
        wait => format!(" in {:.1} s", Duration::from_millis(wait).as_secs_f64()),
    };
    format!("again{wait}: {} at {}: {}", shown(&retry.tried), shown(&retry.target), shown(&retry.why))
}

/// What a push did.
pub fn summary(target: &str, pushed: &Pushed, took: Duration) -> String {
    let Pushed { uploaded, mounted, already_there, retries, resumed, .. } = pushed;
    let tally = |tally: &Tally, what: &str| match tally.count {
        0 => None,
        count => Some(format!("{count} {what} ({})", HumanBytes(tally.bytes))),
    };
    let count = |count: u32, one: &str, several: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {several}")),
    };
    let parts = [
        tally(uploaded, "uploaded"),
        tally(mounted, "mounted"),
        tally(already_there, "already there"),
        Some(format!("{:.1} s", took.as_secs_f64())),
        count(*retries, "retry", "retries"),
        count(*resumed, "upload resumed", "uploads resumed"),
    ];
    format!("pushed {}: {}", shown(target), parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(outcome: Option<Outcome>) -> Step {
        Step {
            id: "i".into(),
            action: Action::Upload,
            subject: format!("sha256:{}", "a1".repeat(32)),
            target: Some("r/a:1".into()),
            done: 2048,
            total: Some(2048),
            outcome,
        }
    }

    #[test]
    fn steps_are_told() {
        for (outcome, several, line) in [
            (Outcome::Uploaded, false, "push sha256:a1a1a1a1a1a1 2.00 KiB, uploaded"),
            (
                Outcome::Mounted("b\u{1b}".into()),
                true,
                "push sha256:a1a1a1a1a1a1 to r/a:1 2.00 KiB, mounted from b\\u{1b}",
            ),
            (Outcome::Done, false, "push sha256:a1a1a1a1a1a1 2.00 KiB"),
        ] {
            assert_eq!(finished(&step(Some(outcome)), several), line);
        }
    }

    #[test]
    fn pushes_are_summed_up() {
        let none = Tally { count: 0, bytes: 0 };
        let pushed = Pushed {
            uploaded: Tally { count: 3, bytes: 3 << 20 },
            mounted: none,
            already_there: Tally { count: 1, bytes: 10 },
            sent: 3 << 20,
            retries: 1,
            resumed: 2,
            requests: Vec::new(),
        };
        let line = summary("r/a:1", &pushed, Duration::from_millis(4123));
        let expected = "pushed r/a:1: 3 uploaded (3.00 MiB), 1 already there (10 B), 4.1 s, 1 retry, 2 uploads resumed";
        assert_eq!(line, expected);
        let retry = Retry { target: "r/a".into(), tried: "asking".into(), why: "\r\n".into(), wait: 1500 };
        assert_eq!(again(&retry), "again in 1.5 s: asking at r/a: \\u{d}\\u{a}");
        assert!(again(&Retry { wait: 0, ..retry }).starts_with("again: asking"));
    }
}
