//! What is going on, as data: the nouns of the interface `progress` of `wit/media.wit`.

/// What is going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// How far a step is.
    Step(Step),
    /// Something to know that does not stop the job.
    Warning(String),
    /// Something is tried again.
    Retry(Retry),
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Unique among the job's steps.
    pub id: String,
    /// What it does.
    pub action: Action,
    /// What it works on.
    pub subject: String,
    /// Where it goes when there may be several such places: a reference.
    pub target: Option<String>,
    /// Bytes done. Fewer than before when some were lost on the way.
    pub done: u64,
    /// Bytes in all, when known.
    pub total: Option<u64>,
    /// None until it ends.
    pub outcome: Option<Outcome>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As it was meant to.
    Done,
    /// A name stands in the store.
    Stored,
    /// A registry has taken it.
    Uploaded,
    /// The registry has taken it from this other repository of its own.
    Mounted(String),
    /// Nothing was to be done.
    AlreadyThere,
}

/// Something that did not work and is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Where it goes: a reference.
    pub target: String,
    /// In words.
    pub tried: String,
    /// In words.
    pub why: String,
    /// Milliseconds until then.
    pub wait: u64,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Making a layer out of files: bytes of the uncompressed layer.
    Layer,
    /// Copying a blob into the store.
    Copy,
    /// Writing names.
    Tag,
    /// Sending to a registry.
    Upload,
    /// Writing an archive, layout or file tree.
    Write,
    /// Reading what comes once, to be looked at again.
    Read,
}
