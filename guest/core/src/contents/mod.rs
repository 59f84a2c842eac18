//! Images.

mod bytes;

pub use bytes::{Bytes, Reader};
