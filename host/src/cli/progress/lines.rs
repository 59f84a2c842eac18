//! Progress for logs: a line when a step ends, one every ten seconds while it goes on, one for everything that is tried again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use indicatif::HumanBytes;
use ocix::{Event, Pushed, Step, shown};

use super::{Show, words};

/// Says lines.
pub struct Lines<S> {
    say: S,
    running: HashMap<String, Running>,
    targets: BTreeSet<String>,
}

/// A step that has not ended.
struct Running {
    started: Duration,
    /// When something was last said of it.
    told: Duration,
}

impl<S: FnMut(&str)> Lines<S> {
    /// Nothing is said yet.
    pub fn new(say: S) -> Self {
        Self { say, running: HashMap::new(), targets: BTreeSet::new() }
    }

    fn step(&mut self, step: &Step, since: Duration) {
        if let Some(target) = &step.target
            && !self.targets.contains(target)
        {
            self.targets.insert(target.clone());
        }
        if step.outcome.is_some() {
            self.running.remove(&step.id);
            (self.say)(&words::finished(step, self.targets.len() > 1));
            return;
        }
        let running = self.running.entry(step.id.clone()).or_insert(Running { started: since, told: since });
        if since.saturating_sub(running.told) >= OFTEN {
            running.told = since;
            (self.say)(&going(step, since.saturating_sub(running.started)));
        }
    }
}

impl<S: FnMut(&str) + Send> Show for Lines<S> {
    fn event(&mut self, event: Event, since: Duration) {
        match event {
            Event::Step(step) => self.step(&step, since),
            Event::Retry(retry) => (self.say)(&words::again(&retry)),
            Event::Warning(text) => (self.say)(&format!("ocix: warning: {}", shown(&text))),
        }
    }

    fn pushed(&mut self, target: &str, pushed: &Pushed, took: Duration) {
        (self.say)(&words::summary(target, pushed, took));
    }
}

fn going(step: &Step, took: Duration) -> String {
    let of = match step.total.filter(|total| *total > 0) {
        Some(total) => format!(" of {}, {} %", HumanBytes(total), step.done.saturating_mul(100) / total),
        None => String::new(),
    };
    let rate = (step.done as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE)) as u64;
    format!("{} {}{of}, {}/s", words::title(step), HumanBytes(step.done), HumanBytes(rate))
}

/// Between two lines about a step.
const OFTEN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use ocix::{Action, Outcome};

    use super::*;

    #[test]
    fn long_steps_are_told_while_they_go_on() {
        let mut said = Vec::new();
        let mut lines = Lines::new(|line: &str| said.push(line.to_owned()));
        let step = |done: u64, outcome| {
            let (id, subject, target) = ("i".to_owned(), "x".to_owned(), None);
            Event::Step(Step { id, action: Action::Upload, subject, target, done, total: Some(4 << 20), outcome })
        };
        for (second, done) in [(0, 0), (5, 1 << 20), (10, 2 << 20), (19, 3 << 20), (20, 3 << 20)] {
            lines.event(step(done, None), Duration::from_secs(second));
        }
        lines.event(step(4 << 20, Some(Outcome::Uploaded)), Duration::from_secs(21));
        let expected = [
            "push x 2.00 MiB of 4.00 MiB, 50 %, 204.80 KiB/s",
            "push x 3.00 MiB of 4.00 MiB, 75 %, 153.60 KiB/s",
            "push x 4.00 MiB, uploaded",
        ];
        assert_eq!(said, expected);
    }
}
