//! How progress is shown: bars on a terminal, lines in a log, JSON for programs, or nothing. All of it goes to standard error.

mod bars;
mod json;
mod lines;
mod words;

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use ocix::{Event, Pushed, Target, shown};

/// What the user chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// Bars on a terminal, else plain.
    Auto,
    /// A line for a finished step, and every ten seconds for one that is not.
    Plain,
    /// A JSON object a line.
    Json,
    /// Warnings only.
    None,
}

/// Shows events as they come.
pub struct Progress {
    show: Arc<Mutex<Box<dyn Show>>>,
    started: Instant,
}

/// One way of showing.
trait Show: Send {
    /// Something happens, so long after the start.
    fn event(&mut self, event: Event, since: Duration);
    /// A target was pushed to, in so much time.
    fn pushed(&mut self, target: &str, pushed: &Pushed, took: Duration);
    /// Nothing more will happen.
    fn end(&mut self) {}
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new(style: Style) -> Self {
        let say = |line: &str| eprintln!("{line}");
        let show: Box<dyn Show> = match style {
            Style::Auto if std::io::stderr().is_terminal() => Box::new(bars::Bars::new()),
            Style::Auto | Style::Plain => Box::new(lines::Lines::new(say)),
            Style::Json => Box::new(json::Json::new(say)),
            Style::None => Box::new(Warnings),
        };
        Self { show: Arc::new(Mutex::new(show)), started: Instant::now() }
    }

    /// Where events go.
    pub fn sink(&self) -> Arc<dyn Fn(Event) + Send + Sync> {
        let (show, started) = (self.show.clone(), self.started);
        Arc::new(move |event| locked(&show).event(event, started.elapsed()))
    }

    /// Takes away what does not stay, and tells what pushes did.
    pub fn end<'t>(&self, targets: impl IntoIterator<Item = &'t Target>) {
        let mut show = locked(&self.show);
        show.end();
        for target in targets {
            // A dry run has pushed nothing.
            if let Some(pushed) = target.pushed.as_ref().filter(|pushed| pushed.requests.is_empty()) {
                show.pushed(&target.name, pushed, self.started.elapsed());
            }
        }
    }
}

/// Shows nothing else.
struct Warnings;

impl Show for Warnings {
    fn event(&mut self, event: Event, _: Duration) {
        if let Event::Warning(text) = event {
            eprintln!("ocix: warning: {}", shown(&text));
        }
    }

    fn pushed(&mut self, _: &str, _: &Pushed, _: Duration) {}
}

fn locked<T: ?Sized>(show: &Mutex<T>) -> MutexGuard<'_, T> {
    show.lock().unwrap_or_else(PoisonError::into_inner)
}
