//! An upload's session at a registry (OCI distribution spec, "Pushing a blob in chunks"): where its next bytes go, and how many it has.

use super::client::{Answer, AnswerOf, Ask, Client};
use super::uploads::Held;
use crate::error::Result;
use crate::media::{Input, Media, Request};

/// A session that a registry has opened.
pub struct Session {
    /// Where the next request goes.
    pub url: String,
    /// Bytes that the registry has.
    pub offset: u64,
    /// Fewer bytes are only taken at the end.
    pub least: u64,
    held: Option<Held>,
}

/// What an answer says about a session's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// It has so many.
    Has(u64),
    /// Nothing that can be understood.
    Unsaid,
}

impl Session {
    /// Out of the answer that opened it.
    pub fn open<M: Media>(client: &Client<'_, M>, answer: &AnswerOf<M>) -> Result<Self> {
        let url = place(client, answer)?;
        let least = answer.headers("oci-chunk-min-length").find_map(|text| text.trim().parse().ok()).unwrap_or(0);
        let held = (!client.policy.dry_run).then(|| client.uploads.hold(take_back(client, &url)));
        Ok(Self { url, offset: 0, least, held })
    }

    /// Goes where an answer says, if it says so.
    pub fn follow<M: Media>(&mut self, client: &Client<'_, M>, answer: &AnswerOf<M>) -> Result<()> {
        if answer.headers("location").next().is_some() {
            self.url = place(client, answer)?;
            if let Some(held) = &self.held {
                held.moved(take_back(client, &self.url));
            }
        }
        Ok(())
    }

    /// Its end: the registry has forgotten it, or made a blob of it.
    pub fn end(self) {
        if let Some(held) = self.held {
            held.release();
        }
    }

    /// Takes back a session that is not needed. Whether that works is not known, and does not matter.
    pub async fn cancel<M: Media>(self, client: &Client<'_, M>) {
        let ask = Ask::new("DELETE", self.url.clone(), "taking back an upload");
        let own = client.permitted(&ask.url).is_ok_and(|here| client.owns(&here));
        let authorization = client.authorization.borrow().clone().filter(|_| own);
        let _ = client.once(&ask, authorization.as_deref()).await;
        self.end();
    }
}

/// Of an answer to a PATCH, or to a GET of a session: `0-N`, N included (the spec's "Range"). Registries write `0-0` for nothing too.
pub fn range<B: Input>(answer: &Answer<B>) -> Range {
    parse(answer.headers("range").next())
}

fn parse(header: Option<&str>) -> Range {
    let last = header.map(|text| text.strip_prefix("bytes=").unwrap_or(text).trim());
    match last.and_then(|text| text.strip_prefix("0-")?.parse::<u64>().ok()) {
        Some(0) => Range::Has(0),
        Some(last) => last.checked_add(1).map_or(Range::Unsaid, Range::Has),
        None => Range::Unsaid,
    }
}

/// Where an answer says that a session is, if it may be asked there.
fn place<M: Media>(client: &Client<'_, M>, answer: &AnswerOf<M>) -> Result<String> {
    let url = client.location(answer)?;
    client.permitted(&url).map(|_| url)
}

/// The request that takes a session back, with the authorization that its registry knows.
fn take_back<M: Media>(client: &Client<'_, M>, url: &str) -> Request {
    let own = client.permitted(url).is_ok_and(|here| client.owns(&here));
    let mut headers = vec![("user-agent".to_owned(), concat!("ocix/", env!("CARGO_PKG_VERSION")).to_owned())];
    let authorization = client.authorization.borrow().clone().filter(|_| own);
    headers.extend(authorization.map(|value| ("authorization".to_owned(), value)));
    let insecure = client.target.insecure && own;
    Request { method: "DELETE".into(), url: url.to_owned(), headers, content_length: 0, insecure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive() {
        for (header, range) in [
            (Some("0-0"), Range::Has(0)),
            (Some("0-9"), Range::Has(10)),
            (Some("bytes=0-9"), Range::Has(10)),
            (Some("0-18446744073709551615"), Range::Unsaid),
            (Some("0-99999999999999999999"), Range::Unsaid),
            (Some("1-9"), Range::Unsaid),
            (Some("0--9"), Range::Unsaid),
            (Some("0-9\u{1b}"), Range::Unsaid),
            (Some(""), Range::Unsaid),
            (None, Range::Unsaid),
        ] {
            assert_eq!(parse(header), range, "{header:?}");
        }
    }
}
