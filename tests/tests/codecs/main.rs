//! What is written is what was meant, and the same for ever: other people's decoders, another encoder, and a table of digests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod estargz;
mod gunzip;
mod libzstd;
mod profile;
mod sample;
