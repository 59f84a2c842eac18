//! What this folder's tests share: a way to wait, media that answer late, and what the layers are made of.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::error::{Error, Result};
use crate::media::{Entry, Ground, HashAlgorithm, Input, Kind, Media, Timestamp};
use crate::memory::{self, Memory};

use super::{Contents, compress};

/// Waits by asking again, at most a million times.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..1_000_000 {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
    panic!("nothing happens any more");
}

/// Memory whose workers finish in another order than they began.
pub struct Late(pub Memory);

impl Media for Late {
    type File = memory::File;
    type Input = memory::Input;
    type Tree = memory::Tree;
    type Directory = memory::Directory;
    type Store = memory::Store;
    type Sink = memory::Sink;
    type TreeWriter = memory::TreeWriter;
    type Exchange = memory::Exchange;
    type Hasher = memory::Hasher;
    type Engine = memory::Engine;

    fn parallelism(&self) -> u32 {
        self.0.parallelism
    }

    async fn compress(&self, chunk: crate::media::Chunk) -> Result<crate::media::Packed> {
        for _ in 0..chunk.bytes.iter().take(100).fold(0, |sum, byte| sum ^ byte) % 16 {
            let mut asked = false;
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        compress(&chunk)
    }

    fn hasher(&self, algorithm: HashAlgorithm) -> memory::Hasher {
        self.0.hasher(algorithm)
    }

    async fn archive(&self, dest: &str) -> Result<memory::Sink> {
        self.0.archive(dest).await
    }

    async fn layout(&self, dest: &str) -> Result<memory::Directory> {
        self.0.layout(dest).await
    }

    async fn root_filesystem(&self, dest: &str, ground: Ground) -> Result<memory::TreeWriter> {
        self.0.root_filesystem(dest, ground).await
    }

    async fn kept(&self, place: &memory::Directory, path: &str) -> Result<Option<memory::TreeWriter>> {
        self.0.kept(place, path).await
    }

    async fn exchange(&self, request: crate::media::Request) -> Result<memory::Exchange> {
        self.0.exchange(request).await
    }

    async fn credential(&self, repository: &str) -> Result<Option<crate::media::Credential>> {
        self.0.credential(repository).await
    }

    fn wall(&self) -> i64 {
        0
    }

    async fn sleep(&self, _: u64) {}

    async fn cancelled(&self) {
        std::future::pending().await
    }

    fn emit(&self, event: crate::media::Event) {
        self.0.emit(event);
    }
}

/// An input that answers in small pieces.
pub struct Pieces<'a>(pub &'a [u8], pub usize);

impl Input for Pieces<'_> {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let (now, rest) = self.0.split_at(self.1.min(max as usize).min(self.0.len()));
        self.0 = rest;
        Ok(now.to_vec())
    }
}

/// Contents that are there, in pieces of this size; with a failure at the end, if there is one.
pub struct Given<'a>(pub &'a [u8], pub usize, pub Option<Error>);

impl Contents for Given<'_> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let (now, rest) = self.0.split_at(self.1.min(self.0.len()));
        self.0 = rest;
        match self.2.take_if(|_| now.is_empty()) {
            Some(error) => Err(error),
            None => Ok(Some(now.to_vec()).filter(|piece| !piece.is_empty())),
        }
    }
}

/// All bytes of contents, with the size of each piece.
pub fn all(contents: &mut impl Contents) -> Result<(Vec<u8>, Vec<usize>)> {
    let (mut bytes, mut sizes) = (Vec::new(), Vec::new());
    while let Some(piece) = wait(contents.next())? {
        sizes.push(piece.len());
        bytes.extend(piece);
    }
    assert_eq!(wait(contents.next()), Ok(None));
    Ok((bytes, sizes))
}

/// An entry of root's at the beginning of time.
pub fn entry(path: &str, kind: Kind) -> Entry {
    let path = path.as_bytes().to_vec();
    Entry { path, kind, mode: 0o644, uid: 0, gid: 0, modified: Timestamp::default(), xattrs: Vec::new() }
}

/// What zstd frames hold, checksums checked, as another decoder has it.
pub fn unzstd(mut frames: &[u8]) -> Vec<u8> {
    let mut decoder = ruzstd::decoding::FrameDecoder::new();
    let mut out = Vec::new();
    while !frames.is_empty() {
        decoder.reset(&mut frames).unwrap();
        decoder.decode_blocks(&mut frames, ruzstd::decoding::BlockDecodingStrategy::All).unwrap();
        out.extend(decoder.collect().unwrap());
        let said = decoder.get_checksum_from_data();
        assert!(said.is_none() || said == decoder.get_calculated_checksum());
    }
    out
}

/// Bytes that compress somewhat, the same for the same length.
pub fn text(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        format!("{} ", state >> 18)
    });
    words.flat_map(String::into_bytes).take(length).collect()
}
