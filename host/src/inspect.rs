//! Looking into images: a component opens them and answers, as long as somebody asks.
//!
//! Answers are the JSON documents of docs/inspect.md as they come, for whoever draws or reads them.

use std::collections::BTreeSet;

use futures_util::future::{BoxFuture, FutureExt, Shared};
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::{Accessor, Resource, ResourceAny, ResourceTable};

use crate::bindings::images::Images;
use crate::bindings::images::exports::ocix::image::exporter as seam;
use crate::bindings::images::exports::ocix::image::inspector;
use crate::components::Components;
use crate::directories::Directory;
use crate::error::{self, ErrorCode, Fault};
use crate::export::{Context, Work};
use crate::failure::Error;
use crate::job::{self, Content};
use crate::named;
use crate::source::Source;
use crate::state::State;

pub use crate::bindings::images::exports::ocix::image::inspector::{Limits as InspectLimits, Piece};

/// Images to look into.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// At least one; those that are compared are opened together.
    pub contents: Vec<Content>,
    /// What is read at most.
    pub limits: InspectLimits,
    /// The user said so for every registry that is named: certificates are not verified, and plain HTTP is allowed anywhere.
    pub insecure: bool,
}

/// An image that was opened. It is closed when the last of those that were opened with it is dropped.
#[derive(Clone)]
pub struct Image {
    number: usize,
    questions: mpsc::Sender<Question>,
    /// How the component ended.
    end: Shared<BoxFuture<'static, Option<error::Error>>>,
}

/// A question to one of the images.
struct Question {
    image: usize,
    what: What,
    answer: oneshot::Sender<Result<Answer, error::Error>>,
}

enum What {
    Graph(bool),
    Summary,
    Document(String),
    Entries(u32, u64, u32),
    Tree(String, bool, u64, u32),
    Read(Option<u32>, String, u64, u32),
    Changes,
    LayerChanges(u32, u64, u32),
    /// With another image.
    Compare(usize),
}

enum Answer {
    Json(String),
    Bytes(Vec<u8>),
    Piece(Piece),
}

impl Components {
    /// Opens images, in order. Must be called within a tokio runtime with time enabled; when `context.stop` becomes true, questions fail with
    /// `cancelled`.
    ///
    /// # Errors
    /// When one cannot be found, or its root documents cannot be read.
    pub async fn open(&self, look: Look, context: Context) -> Result<Vec<Image>, Error> {
        let sources: Vec<Source> = look.contents.iter().map(|content| content.source.clone()).collect();
        let (questions, asked) = mpsc::channel(1);
        let (ready, opened) = oneshot::channel();
        let components = self.clone();
        let work = Looking { look, asked, ready };
        let task = tokio::spawn(async move { components.perform(work, context).await.err() });
        let end = async { task.await.unwrap_or_else(|_| Some(gone())) }.boxed().shared();
        match opened.await {
            Ok(Ok(())) => Ok((0..sources.len())
                .map(|number| Image { number, questions: questions.clone(), end: end.clone() })
                .collect()),
            Ok(Err((number, error))) => {
                Err(sources.get(number).map_or(error.clone(), |source| source.named("open", error)).into())
            }
            Err(_) => Err(end.await.unwrap_or_else(gone).into()),
        }
    }
}

impl Components {
    /// `report`: everything that is wrong or odd with an image, the first of those to look into; that cannot even be opened because of what
    /// is in it is broken, too.
    ///
    /// # Errors
    /// What keeps it from being found out: a wrong name, `cancelled`, a registry that does not answer.
    pub async fn verify(&self, look: Look, context: Context) -> Result<String, Error> {
        Ok(self.perform(Verifying(look), context).await?.0)
    }
}

impl Image {
    /// `graph`: every document and what it lists; with `referrers` also what refers to manifests.
    ///
    /// # Errors
    /// `cancelled`: what is wrong with the image stands in the graph.
    pub async fn graph(&self, referrers: bool) -> Result<String, Error> {
        self.json(What::Graph(referrers)).await
    }

    /// `summary`: one image's config, layers and history.
    ///
    /// # Errors
    /// When it is not clear which image is meant; what is wrong with its documents.
    pub async fn summary(&self) -> Result<String, Error> {
        self.json(What::Summary).await
    }

    /// A document by its digest, as it is.
    ///
    /// # Errors
    /// `not-found`, and what is wrong with it.
    pub async fn document(&self, digest: &str) -> Result<Vec<u8>, Error> {
        match self.ask(What::Document(digest.to_owned())).await? {
            Answer::Bytes(bytes) => Ok(bytes),
            _ => Err(gone().into()),
        }
    }

    /// `listing`: at most `max` entries of one layer from the `first` one, as they stand in its tar.
    ///
    /// # Errors
    /// What is wrong with the layer, or a limit.
    pub async fn entries(&self, layer: u32, first: u64, max: u32) -> Result<String, Error> {
        self.json(What::Entries(layer, first, max)).await
    }

    /// `listing`: what all layers give together, beneath a folder, empty for the root.
    ///
    /// # Errors
    /// What is wrong with a layer, or a limit; `not-found`.
    pub async fn tree(&self, under: &str, recursive: bool, first: u64, max: u32) -> Result<String, Error> {
        self.json(What::Tree(under.to_owned(), recursive, first, max)).await
    }

    /// A part of a file, of all layers together or of one.
    ///
    /// # Errors
    /// `not-found`; when it is no file; what is wrong with the layer.
    pub async fn read(&self, layer: Option<u32>, path: &str, offset: u64, max: u32) -> Result<Piece, Error> {
        match self.ask(What::Read(layer, path.to_owned(), offset, max)).await? {
            Answer::Piece(piece) => Ok(piece),
            _ => Err(gone().into()),
        }
    }

    /// `changes`: what each layer did, and what is wasted.
    ///
    /// # Errors
    /// What is wrong with a layer, or a limit.
    pub async fn changes(&self) -> Result<String, Error> {
        self.json(What::Changes).await
    }

    /// `layer-changes`: what one layer added, changed and removed.
    ///
    /// # Errors
    /// What is wrong with a layer, or a limit.
    pub async fn layer_changes(&self, layer: u32, first: u64, max: u32) -> Result<String, Error> {
        self.json(What::LayerChanges(layer, first, max)).await
    }

    /// `comparison`: how another image, which was opened together with this one, differs from it.
    ///
    /// # Errors
    /// What is wrong with either, or a limit.
    pub async fn compare(&self, other: &Self) -> Result<String, Error> {
        if !self.questions.same_channel(&other.questions) {
            let message = "images that are compared are opened together";
            return Err(error::error(Fault::Request, ErrorCode::Unsupported("comparison".into()), message).into());
        }
        self.json(What::Compare(other.number)).await
    }

    async fn json(&self, what: What) -> Result<String, Error> {
        match self.ask(what).await? {
            Answer::Json(json) => Ok(json),
            _ => Err(gone().into()),
        }
    }

    async fn ask(&self, what: What) -> Result<Answer, Error> {
        let (answer, answered) = oneshot::channel();
        // A question that cannot be asked is dropped, and with it who waits for its answer.
        let _ = self.questions.send(Question { image: self.number, what, answer }).await;
        match answered.await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(self.end.clone().await.unwrap_or_else(gone).into()),
        }
    }
}

/// What a component is asked, until nobody does any more.
struct Looking {
    look: Look,
    asked: mpsc::Receiver<Question>,
    /// Told when all are open, or which could not be.
    ready: oneshot::Sender<Result<(), (usize, error::Error)>>,
}

impl Work for Looking {
    type Opened = Opened;
    type Done = ();

    fn hosts(&self) -> BTreeSet<String> {
        self.look.hosts()
    }

    fn open(self, table: &mut ResourceTable) -> Result<Opened, error::Error> {
        let Self { look, asked, ready } = self;
        let (contents, settings) = look.open(table)?;
        Ok(Opened { contents, settings, asked, ready })
    }

    async fn call(
        images: &Images,
        accessor: &Accessor<State>,
        opened: Opened,
        store: Resource<Directory>,
    ) -> wasmtime::Result<Result<(), error::Error>> {
        let Opened { contents, settings, mut asked, ready } = opened;
        let inspector = images.ocix_image_inspector();
        let mut opened = Vec::new();
        for (number, content) in contents.into_iter().enumerate() {
            let store = accessor.with(|mut access| {
                let table = &mut access.get().table;
                let store = table.get(&store)?.clone();
                table.push(store)
            })?;
            match inspector.image().call_open(accessor, content, settings.clone(), store).await? {
                Ok(image) => opened.push(image),
                Err(error) => {
                    // Whoever waits may have gone.
                    let _ = ready.send(Err((number, error)));
                    return Ok(Ok(()));
                }
            }
        }
        let _ = ready.send(Ok(()));
        while let Some(Question { image, what, answer }) = asked.recv().await {
            let said = say(inspector, accessor, &opened, image, what).await?;
            let _ = answer.send(said);
        }
        Ok(Ok(()))
    }
}

/// A verification.
struct Verifying(Look);

impl Work for Verifying {
    type Opened = (seam::Content, inspector::Settings);
    type Done = String;

    fn hosts(&self) -> BTreeSet<String> {
        self.0.hosts()
    }

    fn open(self, table: &mut ResourceTable) -> Result<Self::Opened, error::Error> {
        let (contents, settings) = self.0.open(table)?;
        let content = contents.into_iter().next().ok_or_else(|| {
            error::error(Fault::Request, ErrorCode::InvalidOption("source".into()), "there is nothing to verify")
        })?;
        Ok((content, settings))
    }

    async fn call(
        images: &Images,
        accessor: &Accessor<State>,
        (content, settings): Self::Opened,
        store: Resource<Directory>,
    ) -> wasmtime::Result<Result<String, error::Error>> {
        images.ocix_image_inspector().call_verify(accessor, content, settings, store).await
    }
}

impl Look {
    fn hosts(&self) -> BTreeSet<String> {
        named::hosts_of(self.contents.iter().filter_map(named::name))
    }

    /// The seam's form of it.
    fn open(self, table: &mut ResourceTable) -> Result<(Vec<seam::Content>, inspector::Settings), error::Error> {
        let Self { contents, limits, insecure } = self;
        job::one_stdin(contents.iter())?;
        let native = job::platform(&job::native())?;
        let contents = contents.iter().map(|content| content.open_image(table)).collect::<Result<_, _>>()?;
        Ok((contents, inspector::Settings { limits, insecure, native }))
    }
}

/// What is looked into, opened.
struct Opened {
    contents: Vec<seam::Content>,
    settings: inspector::Settings,
    asked: mpsc::Receiver<Question>,
    ready: oneshot::Sender<Result<(), (usize, error::Error)>>,
}

async fn say(
    inspector: &inspector::Guest,
    accessor: &Accessor<State>,
    opened: &[ResourceAny],
    image: usize,
    what: What,
) -> wasmtime::Result<Result<Answer, error::Error>> {
    let at = |number: usize| opened.get(number).copied().ok_or_else(|| wasmtime::Error::msg("no such image"));
    let (one, guest) = (at(image)?, inspector.image());
    let json = match what {
        What::Document(digest) => return Ok(guest.call_document(accessor, one, digest).await?.map(Answer::Bytes)),
        What::Read(layer, path, offset, max) => {
            return Ok(guest.call_read(accessor, one, layer, path, offset, max).await?.map(Answer::Piece));
        }
        What::Graph(referrers) => guest.call_graph(accessor, one, referrers).await?,
        What::Summary => guest.call_summary(accessor, one).await?,
        What::Entries(layer, first, max) => guest.call_entries(accessor, one, layer, first, max).await?,
        What::Tree(under, recursive, first, max) => {
            guest.call_tree(accessor, one, under, recursive, first, max).await?
        }
        What::Changes => guest.call_changes(accessor, one).await?,
        What::LayerChanges(layer, first, max) => guest.call_layer_changes(accessor, one, layer, first, max).await?,
        What::Compare(other) => guest.call_compare(accessor, one, at(other)?).await?,
    };
    Ok(json.map(Answer::Json))
}

impl Default for InspectLimits {
    /// The usual ones.
    fn default() -> Self {
        Self {
            decompressed: None,
            ratio: None,
            window: None,
            entries: None,
            path: None,
            index: None,
            depth: None,
            nodes: None,
        }
    }
}

/// The component ended without a word.
fn gone() -> error::Error {
    error::error(Fault::Host, ErrorCode::Cancelled, "the image was closed while it was looked at")
}
