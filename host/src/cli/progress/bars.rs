//! Progress for people at a terminal: a bar a running step, a line above them for what has ended.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ocix::{Action, Event, Pushed, Step, shown};

use super::{Show, words};

/// Draws bars on standard error.
pub struct Bars {
    all: MultiProgress,
    bars: HashMap<String, ProgressBar>,
    /// Steps without a bar, for which there is no room.
    waiting: HashSet<String>,
    /// Tells how many they are.
    more: Option<ProgressBar>,
    targets: BTreeSet<String>,
}

impl Bars {
    /// Nothing is drawn yet.
    pub fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let (bars, waiting, targets) = Default::default();
        Self { all, bars, waiting, more: None, targets }
    }

    fn step(&mut self, step: &Step) {
        if let Some(target) = &step.target
            && !self.targets.contains(target)
        {
            self.targets.insert(target.clone());
        }
        if step.outcome.is_some() {
            if let Some(bar) = self.bars.remove(&step.id) {
                bar.finish_and_clear();
            }
            if self.waiting.remove(&step.id) {
                self.count();
            }
            // What was read is the answer.
            if step.action != Action::Read {
                self.say(&words::finished(step, self.targets.len() > 1));
            }
            return;
        }
        if !self.bars.contains_key(&step.id) {
            if self.bars.len() >= MOST {
                if self.waiting.insert(step.id.clone()) {
                    self.count();
                }
                return;
            }
            let bar = self.all.insert(self.bars.len(), bar(step, self.targets.len() > 1));
            self.bars.insert(step.id.clone(), bar);
            if self.waiting.remove(&step.id) {
                self.count();
            }
        }
        if let Some(bar) = self.bars.get(&step.id) {
            bar.set_position(step.done);
        }
    }

    /// Tells how many steps have no bar.
    fn count(&mut self) {
        if self.waiting.is_empty() {
            if let Some(more) = self.more.take() {
                more.finish_and_clear();
            }
            return;
        }
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let more = self.more.get_or_insert_with(|| self.all.add(ProgressBar::no_length().with_style(style)));
        more.set_message(format!("and {} more", self.waiting.len()));
    }

    fn say(&self, line: &str) {
        // A terminal that has gone does not want to know.
        let _ = self.all.println(line);
    }
}

impl Show for Bars {
    fn event(&mut self, event: Event, _: Duration) {
        match event {
            Event::Step(step) => self.step(&step),
            Event::Retry(retry) => self.say(&words::again(&retry)),
            Event::Warning(text) => self.say(&format!("ocix: warning: {}", shown(&text))),
        }
    }

    fn pushed(&mut self, target: &str, pushed: &Pushed, took: Duration) {
        eprintln!("{}", words::summary(target, pushed, took));
    }

    /// Takes away bars that did not come to their end.
    fn end(&mut self) {
        self.waiting.clear();
        self.count();
        self.bars.drain().for_each(|(_, bar)| bar.finish_and_clear());
    }
}

fn bar(step: &Step, several: bool) -> ProgressBar {
    let (bar, template) = match step.total {
        Some(total) => (ProgressBar::new(total), "{msg:32!} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}"),
        None => (ProgressBar::no_length(), "{msg:32!} {spinner} {bytes} {bytes_per_sec}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let title = match step.target.as_ref().filter(|_| several) {
        Some(target) => format!("{} {}", words::title(step), shown(target)),
        None => words::title(step),
    };
    bar.with_style(style).with_message(title)
}

/// Bars at once: more would not fit on a small terminal.
const MOST: usize = 12;
