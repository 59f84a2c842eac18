//! Keeping the embedded store: `images`, `tag`, `rm`, `gc`, `store check`. What is found is the component's; here it is drawn.

pub mod check;
pub mod gc;
pub mod images;
pub mod rm;
pub mod tag;

use std::io::IsTerminal;

use ocix::{Components, Context, Error};

use super::settings::Common;

/// Does this with the store. In a log, the answer is enough, unless more is asked for.
fn run<T>(common: Common, work: impl AsyncFnOnce(Components, Context) -> Result<T, Error>) -> Result<T, Error> {
    let quiet = common.is_unsaid() && !std::io::stderr().is_terminal();
    common.run(quiet, false, work, |_| Vec::new())
}
