//! Keeping the embedded store: a component lists, names, cleans and checks it.
//!
//! Long answers are the JSON documents of docs/stores.md as they come, for whoever draws or reads them.

use std::collections::BTreeSet;

use wasmtime::component::{Accessor, Resource, ResourceTable};

use crate::bindings::images::Images;
use crate::components::Components;
use crate::directories::Directory;
use crate::error::{self, ErrorCode, Fault};
use crate::export::{Context, Work};
use crate::failure::Error;
use crate::state::State;

pub use crate::bindings::images::exports::ocix::image::keeper::Extent;

/// What a component is asked.
enum Question {
    Images(String),
    Tag(String, Vec<String>),
    Untag(Vec<String>),
    Collect(Extent),
    Check(bool),
}

enum Answer {
    Json(String),
    Digest(String),
    Digests(Vec<Result<String, error::Error>>),
}

impl Components {
    /// `images`: those in the store whose whole name has this text in it, in the order in which they were named.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn images(&self, filter: &str, context: Context) -> Result<String, Error> {
        self.json(Question::Images(filter.to_owned()), context).await
    }

    /// Gives an image of the store more names, all of them at once; its digest.
    ///
    /// # Errors
    /// When a name is none, the image is not there, or the store cannot be written.
    pub async fn tag(&self, source: &str, names: &[String], context: Context) -> Result<String, Error> {
        match self.perform(Question::Tag(source.to_owned(), names.to_owned()), context).await?.0 {
            Answer::Digest(digest) => Ok(digest),
            _ => Err(other().into()),
        }
    }

    /// Takes names of the store away, and leaves the blobs; one answer each: the digest of the image that had it.
    ///
    /// # Errors
    /// When the store cannot be written; that a name is not there is its own answer.
    pub async fn untag(&self, names: &[String], context: Context) -> Result<Vec<Result<String, Error>>, Error> {
        match self.perform(Question::Untag(names.to_owned()), context).await?.0 {
            Answer::Digests(answers) => Ok(answers.into_iter().map(|answer| answer.map_err(Error::from)).collect()),
            _ => Err(other().into()),
        }
    }

    /// `collection`: removes blobs of the store that no name needs, but for those that running jobs have open.
    ///
    /// # Errors
    /// When the store is broken, so that it is not known what names need, or cannot be written.
    pub async fn collect(&self, extent: Extent, context: Context) -> Result<String, Error> {
        self.json(Question::Collect(extent), context).await
    }

    /// `store-report`: what is wrong with the store; with `repair`, what can be repaired is, and nothing that a name needs is removed.
    ///
    /// # Errors
    /// When the store cannot be read or, with `repair`, written.
    pub async fn check(&self, repair: bool, context: Context) -> Result<String, Error> {
        self.json(Question::Check(repair), context).await
    }

    async fn json(&self, question: Question, context: Context) -> Result<String, Error> {
        match self.perform(question, context).await?.0 {
            Answer::Json(json) => Ok(json),
            _ => Err(other().into()),
        }
    }
}

impl Work for Question {
    type Opened = Self;
    type Done = Answer;

    /// It goes nowhere.
    fn hosts(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn open(self, _: &mut ResourceTable) -> Result<Self, error::Error> {
        Ok(self)
    }

    async fn call(
        images: &Images,
        accessor: &Accessor<State>,
        question: Self,
        store: Resource<Directory>,
    ) -> wasmtime::Result<Result<Answer, error::Error>> {
        let keeper = images.ocix_image_keeper();
        let json = match question {
            Self::Images(filter) => keeper.call_images(accessor, filter, store).await?,
            Self::Tag(source, names) => {
                return Ok(keeper.call_tag(accessor, source, names, store).await?.map(Answer::Digest));
            }
            Self::Untag(names) => return Ok(keeper.call_untag(accessor, names, store).await?.map(Answer::Digests)),
            Self::Collect(extent) => keeper.call_collect(accessor, extent, store).await?,
            Self::Check(repair) => keeper.call_check(accessor, repair, store).await?,
        };
        Ok(json.map(Answer::Json))
    }
}

/// Another question was answered.
fn other() -> error::Error {
    error::error(Fault::Component, ErrorCode::Other("bug".into()), "the component answered another question")
}
