//! How progress is shown: bars on a terminal, lines in a log, JSON for programs, or nothing.
//!
//! JSON is one object a line on standard error: `{"id", "action", "subject", "done", "total", "note", "finished"}` for a step, bytes in `done`
//! and `total`, null where nothing is known; `{"warning"}` for a warning.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ocix::{Action, Event, Outcome, Step, shown};

/// What the user chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// Bars on a terminal, else plain.
    Auto,
    /// A line a finished step.
    Plain,
    /// A JSON object a line.
    Json,
    /// Warnings only.
    None,
}

/// Shows events as they come.
pub struct Progress {
    shower: Arc<Shower>,
}

enum Shower {
    Bars { all: MultiProgress, bars: Mutex<HashMap<String, ProgressBar>> },
    Plain,
    Json,
    None,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new(style: Style) -> Self {
        let shower = match style {
            Style::Auto if std::io::stderr().is_terminal() => Shower::Bars {
                all: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
                bars: Mutex::default(),
            },
            Style::Auto | Style::Plain => Shower::Plain,
            Style::Json => Shower::Json,
            Style::None => Shower::None,
        };
        Self { shower: Arc::new(shower) }
    }

    /// Where events go.
    pub fn sink(&self) -> Arc<dyn Fn(Event) + Send + Sync> {
        let shower = self.shower.clone();
        Arc::new(move |event| match event {
            Event::Step(step) => shower.step(step),
            Event::Warning(text) => shower.warn(&text),
            Event::Retry(_) if matches!(*shower, Shower::None) => {}
            Event::Retry(retry) => shower.warn(&format!("{}: {}", retry.tried, retry.why)),
        })
    }

    /// Takes away bars that did not come to their end.
    pub fn end(&self) {
        if let Shower::Bars { bars, .. } = &*self.shower {
            let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
            bars.drain().for_each(|(_, bar)| bar.finish_and_clear());
        }
    }
}

impl Shower {
    fn step(&self, step: Step) {
        match self {
            Self::Bars { all, bars } => {
                let mut bars = bars.lock().unwrap_or_else(PoisonError::into_inner);
                let bar = bars.entry(step.id.clone()).or_insert_with(|| all.add(new_bar(&step)));
                bar.set_position(step.done);
                if step.outcome.is_some() {
                    bar.finish_and_clear();
                    bars.remove(&step.id);
                    let _ = all.println(line(&step));
                }
            }
            Self::Plain if step.outcome.is_some() => eprintln!("{}", line(&step)),
            Self::Json => {
                let outcome = step.outcome.as_ref().map(word);
                let Step { id, action, subject, target, done, total, .. } = step;
                let action = verb(action);
                let fields = serde_json::json!({ "id": id, "action": action, "subject": subject, "target": target, "done": done, "total": total, "outcome": outcome });
                eprintln!("{fields}");
            }
            Self::Plain | Self::None => {}
        }
    }

    fn warn(&self, text: &str) {
        match self {
            Self::Bars { all, .. } => drop(all.println(format!("ocix: warning: {}", shown(text)))),
            Self::Json => eprintln!("{}", serde_json::json!({ "warning": text })),
            Self::Plain | Self::None => eprintln!("ocix: warning: {}", shown(text)),
        }
    }
}

fn new_bar(step: &Step) -> ProgressBar {
    let (bar, template) = match step.total {
        Some(total) => (ProgressBar::new(total), "{msg:32!} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}"),
        None => (ProgressBar::no_length(), "{msg:32!} {spinner} {bytes} {bytes_per_sec}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_message(format!("{} {}", verb(step.action), short(&step.subject)))
}

fn line(step: &Step) -> String {
    let note = step.outcome.as_ref().map(|outcome| format!(", {}", word(outcome))).unwrap_or_default();
    let bytes = if step.done > 0 { format!(" {}", HumanBytes(step.done)) } else { String::new() };
    format!("{} {}{bytes}{note}", verb(step.action), short(&step.subject))
}

/// A digest's first twelve digits; anything else as it is.
fn short(subject: &str) -> String {
    match subject.strip_prefix("sha256:").and_then(|hex| hex.get(..12)) {
        Some(start) => format!("sha256:{start}"),
        None => shown(subject),
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Stored => "stored",
        Outcome::Uploaded => "uploaded",
        Outcome::Mounted(_) => "mounted",
        Outcome::AlreadyThere => "already there",
    }
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Layer => "layer",
        Action::Copy => "copy",
        Action::Tag => "name",
        Action::Upload => "push",
        Action::Write => "write",
        Action::Read => "read",
    }
}
