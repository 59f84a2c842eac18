//! Container engines, that keep images themselves and take them as archives: the nouns of `wit/engines.wit`.

use super::Sink;
use crate::error::Result;
use crate::platform::Platform;

/// A container engine.
pub trait Engine {
    /// An archive on its way into it.
    type Sink: Sink;
    /// What it is.
    fn about(&self) -> About;
    /// The end of the sink waits for what the engine says; a write fails when the engine has said it before it has everything.
    async fn load(&self) -> Result<Self::Sink>;
    /// The digest that the engine identifies an image by. It is named by a reference, or by that digest.
    async fn image(&self, name: &str) -> Result<Option<String>>;
}

/// What an engine is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What it is called and where it is, for people.
    pub name: String,
    /// What its machine runs.
    pub platform: Platform,
    /// Whether it takes a whole image layout in an archive, with indexes; else one image as `docker save` writes it.
    pub layouts: bool,
}
