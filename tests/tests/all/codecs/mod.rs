//! What is written is what was meant, and the same for ever: other people's decoders, another encoder, and a table of digests.

mod estargz;
mod gunzip;
mod libzstd;
mod profile;
mod sample;
