//! Looking into images: what is in them, how two differ, what is wrong with one. Hosts only draw what comes out of here.
//!
//! Nothing is made and nothing is decided about a format: documents and layers are read by the same code that exports read them with.
//! What is legal but odd is shown, never refused. Everything that a hostile image could make endless has a limit in [`Limits`].

pub mod compare;
mod graph;
mod image;
pub mod layers;
mod limits;
pub(crate) mod meter;
pub(crate) mod payload;
mod summary;
mod text;
pub mod verify;
mod walk;

use serde::Serialize;

pub use compare::compare;
pub use graph::{Graph, Node, Role};
pub use image::{Image, Layer, Settings, Stack};
pub use layers::{Changes, Content, LayerChanges, Listed, Listing};
pub use limits::Limits;
pub use summary::{HistoryLine, LayerSummary, Summary};
pub use text::{path_bytes, path_text};
pub use walk::{Item, Walk};

/// A result as its JSON text: compact, members in the order of the fields, as docs/inspect.md has them.
pub fn json(result: &impl Serialize) -> String {
    serde_json::to_string(result).unwrap_or_default()
}
