//! Progress for programs: one JSON object a line, as the README describes them. A step is told ten times a second at most, and its end always.

use std::collections::HashMap;
use std::time::Duration;

use ocix::{Event, Outcome, Pushed, Retry, Step, Tally};
use serde_json::{Value, json};

use super::{Show, words};

/// Says JSON.
pub struct Json<S> {
    say: S,
    /// When a step was last told, by its identifier.
    told: HashMap<String, Duration>,
}

impl<S: FnMut(&str)> Json<S> {
    /// Nothing is said yet.
    pub fn new(say: S) -> Self {
        Self { say, told: HashMap::new() }
    }

    fn step(&mut self, step: Step, since: Duration) {
        if step.outcome.is_some() {
            self.told.remove(&step.id);
        } else {
            let last = self.told.get(&step.id).copied();
            if last.is_some_and(|last| since.saturating_sub(last) < OFTEN) {
                return;
            }
            self.told.insert(step.id.clone(), since);
        }
        let outcome = step.outcome.as_ref().map(words::ending);
        let from = match &step.outcome {
            Some(Outcome::Mounted(from)) => Some(from.clone()),
            _ => None,
        };
        let Step { id, action, subject, target, done, total, .. } = step;
        let action = words::verb(action);
        let mut fields = json!({ "id": id, "action": action, "subject": subject, "target": target, "done": done, "total": total, "outcome": outcome });
        if let (Some(from), Some(fields)) = (from, fields.as_object_mut()) {
            fields.insert("from".into(), from.into());
        }
        (self.say)(&fields.to_string());
    }
}

impl<S: FnMut(&str) + Send> Show for Json<S> {
    fn event(&mut self, event: Event, since: Duration) {
        match event {
            Event::Step(step) => self.step(step, since),
            Event::Retry(Retry { target, tried, why, wait }) => {
                let retry = json!({ "retry": { "target": target, "tried": tried, "why": why, "wait_ms": wait } });
                (self.say)(&retry.to_string());
            }
            Event::Warning(text) => (self.say)(&json!({ "warning": text }).to_string()),
        }
    }

    fn pushed(&mut self, target: &str, pushed: &Pushed, took: Duration) {
        let summary = json!({ "summary": {
            "target": target,
            "uploaded": tally(&pushed.uploaded),
            "mounted": tally(&pushed.mounted),
            "already_there": tally(&pushed.already_there),
            "sent": pushed.sent,
            "retries": pushed.retries,
            "resumed": pushed.resumed,
            "seconds": took.as_secs_f64(),
        } });
        (self.say)(&summary.to_string());
    }
}

fn tally(tally: &Tally) -> Value {
    json!({ "count": tally.count, "bytes": tally.bytes })
}

/// Between two lines about a step.
const OFTEN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use ocix::Action;

    use super::*;

    #[test]
    fn steps_are_thinned_but_for_their_end() {
        let mut said: Vec<Value> = Vec::new();
        let mut json = Json::new(|line: &str| said.push(serde_json::from_str(line).unwrap()));
        let mut step = |id: &str, millis, done, outcome| {
            let (subject, target) = ("x".to_owned(), Some("r/a".to_owned()));
            let step = Step { id: id.into(), action: Action::Upload, subject, target, done, total: Some(9), outcome };
            json.event(Event::Step(step), Duration::from_millis(millis));
        };
        (0..50).for_each(|number| step("a", number * 10, number, None));
        step("b", 495, 0, None);
        step("a", 496, 9, Some(Outcome::Mounted("base".into())));
        let done = |id: &str| -> Vec<u64> {
            said.iter().filter(|said| said["id"] == id).map(|said| said["done"].as_u64().unwrap()).collect()
        };
        assert_eq!(done("a"), [0, 10, 20, 30, 40, 9]);
        assert_eq!(done("b"), [0]);
        let last = said.last().unwrap();
        assert_eq!((&last["outcome"], &last["from"]), (&json!("mounted"), &json!("base")));
        assert_eq!(said[0]["outcome"], Value::Null);
        assert_eq!(said[0]["target"], "r/a");
    }
}
