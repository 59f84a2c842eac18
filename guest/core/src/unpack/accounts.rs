//! The image's own users and groups, read on their way into a bundle.

use crate::documents::runtime::{Accounts, ROOT};
use crate::error::{Error, Result};
use crate::layer::merged::Sink;
use crate::media::{Entry, Kind};

/// Entries on their way, of which two files are remembered.
pub struct Watched<'s, S> {
    sink: &'s mut S,
    /// What was seen so far.
    pub accounts: Accounts,
    /// The one of them that comes now.
    at: Option<File>,
    /// That one of them is a link, which is not followed.
    pub linked: bool,
}

#[derive(Clone, Copy)]
enum File {
    Passwd,
    Group,
}

impl<'s, S: Sink> Watched<'s, S> {
    /// On their way to a sink.
    pub fn new(sink: &'s mut S) -> Self {
        Self { sink, accounts: Accounts::default(), at: None, linked: false }
    }
}

impl<S: Sink> Sink for Watched<'_, S> {
    async fn entry(&mut self, entry: Entry) -> Result<()> {
        let file = match entry.path.strip_prefix(ROOT.as_bytes()) {
            Some(b"/etc/passwd") => Some(File::Passwd),
            Some(b"/etc/group") => Some(File::Group),
            _ => None,
        };
        self.at = file.filter(|_| matches!(entry.kind, Kind::Regular(_)));
        self.linked |= file.is_some() && matches!(entry.kind, Kind::Symlink(_) | Kind::HardLink(_));
        self.sink.entry(entry).await
    }

    async fn content(&mut self, piece: Vec<u8>) -> Result<()> {
        if let Some(file) = self.at {
            let known = match file {
                File::Passwd => &mut self.accounts.passwd,
                File::Group => &mut self.accounts.group,
            };
            known.extend(&piece);
            if known.len() > MOST {
                return Err(Error::limit("accounts", "the image's /etc/passwd or /etc/group has more than 1 MiB"));
            }
        }
        self.sink.content(piece).await
    }
}

/// Bytes of a file of accounts.
const MOST: usize = 1 << 20;
