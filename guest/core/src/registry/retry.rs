//! What is tried again, when, and how often: a wait that doubles, or what the registry asks for, out of a budget for the whole push.
//!
//! Nothing here is random: waits differ from request to request by a hash of what is asked, and from push to push by the clock.

use std::cell::Cell;

use jiff::fmt::rfc2822;

use super::client::{AnswerOf, Ask, Client};
use crate::error::{Code, Error, Fault, Result};
use crate::media::{Event, Media, Retry};
use crate::text::shown;

/// What a push may still try again, and what it did.
pub struct Budget {
    /// In quarters of a request.
    left: Cell<u32>,
    /// Milliseconds.
    waited: Cell<u64>,
    /// Requests that were made again.
    pub retries: Cell<u32>,
}

/// How often one thing has failed.
#[derive(Default)]
pub struct Tries(pub u32);

/// When something may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// At once: what was wrong has been put right.
    None,
    /// After a while, longer each time.
    Backoff,
    /// Not before so many milliseconds.
    AtLeast(u64),
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: Cell::new(BUDGET), waited: Cell::default(), retries: Cell::default() }
    }
}

impl Budget {
    /// What works earns back a quarter of what does not.
    fn earn(&self) {
        self.left.set(self.left.get().saturating_add(1).min(BUDGET));
    }

    /// Whether there was enough left.
    fn spend(&self, wait: u64) -> bool {
        let waited = self.waited.get().saturating_add(wait);
        let Some(left) = self.left.get().checked_sub(4).filter(|_| waited <= MOST_WAITED) else { return false };
        self.left.set(left);
        self.waited.set(waited);
        self.retries.set(self.retries.get().saturating_add(1));
        true
    }
}

impl<M: Media> Client<'_, M> {
    /// Sends a request; again when what is wrong with the answer, or with the way there, may pass. The last answer when it does not.
    pub async fn send(&self, ask: Ask) -> Result<AnswerOf<M>> {
        let mut tries = Tries::default();
        loop {
            let answered = self.followed(&ask).await;
            let Some((why, wait)) = self.passing(&answered) else {
                self.budget.earn();
                return answered;
            };
            if !self.again(&mut tries, &ask.tried, why, wait).await {
                return answered.map(|answer| answer.after(tries.0));
            }
        }
    }

    /// Waits for the next try, and says why it is needed. `false` when it has been tried often enough.
    pub async fn again(&self, tries: &mut Tries, tried: &str, why: String, wait: Wait) -> bool {
        tries.0 = tries.0.saturating_add(1);
        let backoff = FIRST_WAIT.saturating_mul(1_u64.checked_shl(tries.0.saturating_sub(1)).unwrap_or(u64::MAX));
        let backoff = backoff.min(LONGEST_WAIT);
        // A quarter of it differs, so that what failed together does not come again together.
        let noise = self.noise(tried, tries.0);
        let apart = |wait: u64| wait.saturating_add(noise.checked_rem(wait / 4).unwrap_or(0));
        let wait = match wait {
            Wait::None => 0,
            Wait::Backoff => apart(backoff),
            Wait::AtLeast(asked) => apart(asked.clamp(backoff.min(asked), LONGEST_WAIT)),
        };
        // Who never answered is more likely not there than busy.
        let most = if self.answered.get() { TRIES } else { TRIES_UNANSWERED };
        if tries.0 >= most || !self.budget.spend(wait) {
            return false;
        }
        // What was tried is told beside it.
        let why = match why.strip_prefix(&format!("{tried} at {} ", self.target)) {
            Some(rest) => rest.strip_prefix("failed: ").unwrap_or(rest).to_owned(),
            None => why,
        };
        self.media.emit(Event::Retry(Retry { target: self.target.to_string(), tried: tried.to_owned(), why, wait }));
        if wait > 0 {
            self.media.sleep(wait).await;
        }
        true
    }

    /// What the line of an error says when something that was tried failed on the way.
    pub fn failed(&self, tried: &str) -> String {
        format!("{tried} at {} failed", self.target)
    }

    /// Why an answer, or none, may be another one later, and when.
    pub fn passing(&self, answered: &Result<AnswerOf<M>>) -> Option<(String, Wait)> {
        match answered {
            Ok(answer) => {
                let asked = answer.headers("retry-after").find_map(|text| retry_after(text, self.media.wall()));
                let wait = asked.map_or(Wait::Backoff, Wait::AtLeast);
                is_passing(answer.status).then(|| (format!("it answered with status {}", answer.status), wait))
            }
            Err(error) => is_broken(error).then(|| (shown(&error.to_string()), Wait::Backoff)),
        }
    }

    fn noise(&self, tried: &str, number: u32) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let clock = self.media.wall().to_le_bytes();
        let bytes = self.target.repository.bytes().chain(tried.bytes()).chain(clock).chain(number.to_le_bytes());
        for byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        hash ^ (hash >> 29)
    }
}

impl Tries {
    /// After something has worked.
    pub fn forget(&mut self) {
        self.0 = 0;
    }
}

/// Statuses that say nothing about the request: too busy, or something on the way.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 499 | 500 | 502 | 503 | 504 | 520..=524)
}

/// Whether the connection broke, or stood still for too long.
fn is_broken(error: &Error) -> bool {
    error.fault == Fault::Registry && error.code == Code::Other("connection".into())
}

/// Milliseconds (RFC 9110, 10.2.3: seconds, or a date), seen from a time in seconds since 1970.
fn retry_after(text: &str, now: i64) -> Option<u64> {
    let text = text.trim();
    let seconds = match text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit is a long time.
        true if !text.is_empty() => text.parse().unwrap_or(u64::MAX),
        true => return None,
        false => {
            let date = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            u64::try_from(date.as_second().saturating_sub(now)).unwrap_or(0)
        }
    };
    Some(seconds.saturating_mul(1000))
}

/// How often a request is made at most.
const TRIES: u32 = 6;
/// The same, before there was any answer.
const TRIES_UNANSWERED: u32 = 2;
/// Milliseconds.
const FIRST_WAIT: u64 = 500;
/// Milliseconds, whatever a registry asks for.
const LONGEST_WAIT: u64 = 60_000;
/// Of a whole push, milliseconds.
const MOST_WAITED: u64 = 600_000;
/// Of a whole push, in quarters of a request.
const BUDGET: u32 = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_say_when() {
        let now = 784_111_777;
        for (text, wait) in [
            ("0", Some(0)),
            (" 7 ", Some(7_000)),
            ("99999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60_000)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after(text, now), wait, "{text}");
        }
    }

    #[test]
    fn what_works_earns() {
        let budget = Budget::default();
        assert_eq!((0..).take_while(|_| budget.spend(0)).count(), 40);
        (0..3).for_each(|_| budget.earn());
        assert!(!budget.spend(0));
        budget.earn();
        assert!(budget.spend(0) && !budget.spend(0));
        assert!(!Budget::default().spend(MOST_WAITED + 1));
    }
}
