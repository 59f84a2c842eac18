//! What comes in, besides trees: tars, archives of images, layouts, the embedded store, registries.
//!
//! A tar is told apart by its first entry's name: an archive of images begins with one that a root file system hardly has. Such an archive
//! is looked at again and again, so one that comes once or compressed is first written to a temporary file; a root file system never is.

mod bytes;
mod docker;
mod images;
mod members;
mod tarred;

pub use bytes::{Bytes, Reader};
pub use images::Images;
pub use tarred::{Archived, Form, Tarred};
